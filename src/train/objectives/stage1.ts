import { ConfigError } from '../../errors.js'
import type { Graph, Tensor } from '../../graph/graph.js'
import { add, concat, stopGradient } from '../../graph/index.js'
import {
  encodeText,
  imageEmbedding,
  queryImage,
  type Stage1Config,
  textEmbedding,
  visionNorm,
} from '../../models/blip2.js'
import { type Dropout, noDropout } from '../../nn/dropout.js'
import { type Initializer, Scope } from '../../nn/scope.js'
import { type ItcGradient, itcLoss, itcLossWithIds, sameIds, similarities, withDistractors } from './itc.js'
import { itg } from './itg.js'
import { hardNegatives, itm } from './itm.js'

/** Learned directly, not as a logarithm, and never clamped (authors' code). */
const INITIAL_TEMPERATURE: Initializer = { kind: 'constant', value: 0.07 }

/** What similarities are divided by. -> [] */
export const temperatureOf = (p: Scope): Tensor => p.parameter('temp', [], INITIAL_TEMPERATURE)

/** The three objectives of stage 1, by their names among the metrics. */
export const STAGE1_OBJECTIVES = ['itc', 'itm', 'itg'] as const
export type Stage1Objective = (typeof STAGE1_OBJECTIVES)[number]

export interface Stage1Options {
  readonly batch: number
  /** Patches of the frozen encoder, the class token included. */
  readonly patches: number
  /** Text is padded to this many tokens. */
  readonly tokens: number
  readonly decoderToken: number
  readonly padToken: number
  readonly itcGradient: ItcGradient
  /** Use an int64 input 'image_ids' [batch]: pairs of one picture are no negatives (retrieval fine-tuning). */
  readonly imageIds?: boolean
  /**
   * Captions besides the batch's own, which each picture is told from too: ITC's negatives and ITM's hard ones come from
   * so many texts more. No gradient passes to them, so they cost a forward pass of text. With imageIds only. Default 0.
   */
  readonly distractors?: number
  /** Those that are minimised (default: all); the others are computed and change nothing. */
  readonly objectives?: readonly Stage1Objective[]
  readonly dropout?: Dropout
  /** Draws the encoder's output [batch, patches, encoderWidth], so that it is trained too (default: the input 'features'). */
  readonly features?: (p: Scope) => Tensor
}

/**
 * The three objectives of stage 1 over one batch, as one graph (paper 3.2). Inputs: 'features' [batch, patches,
 * encoderWidth], 'ids' and 'mask' int64 [batch, tokens], 'image_noise' and 'text_noise' [batch, batch] (Gumbel, for the
 * negatives), and with distractors 'distractor_ids' and 'distractor_mask' int64 [distractors, tokens] and
 * 'distractor_image_ids' int64 [distractors]; 'text_noise' has their columns too. loss = itc + itm + itg.
 */
export function stage1(graph: Graph, config: Stage1Config, options: Stage1Options) {
  const { batch, patches, tokens } = options
  const dropout = options.dropout ?? noDropout
  const p = new Scope(graph)
  const features =
    options.features?.(p) ?? graph.input('features', 'float32', [batch, patches, config.qformer.encoderWidth])
  const ids = graph.input('ids', 'int64', [batch, tokens])
  const mask = graph.input('mask', 'int64', [batch, tokens])

  const { image, queried, imageVectors, textVectors } = embed(p, config, { features, ids, mask, dropout })

  const temperature = temperatureOf(p)
  const own = similarities(imageVectors, textVectors, temperature, options.itcGradient)
  const positions = graph.integers(Array.from({ length: batch }, (_, row) => row))
  const imageIds = options.imageIds ? graph.input('image_ids', 'int64', [batch]) : positions
  const excluded = sameIds(imageIds, imageIds)
  const others = options.distractors ? distractorInputs(graph, options.distractors, tokens) : undefined
  const textIds = others ? concat([imageIds, others.imageIds], 0) : imageIds
  const similarity = others
    ? withDistractors(own, imageVectors, distractorVectors(p, config, others.ids, others.mask), temperature)
    : own
  const itcTerm = options.imageIds
    ? itcLossWithIds(similarity, imageIds, imageIds, textIds)
    : itcLoss(similarity, positions)

  const noise = (name: string, columns: Tensor) => graph.input(name, 'float32', [batch, columns.size(0) as number])
  const negativeImages = hardNegatives(similarity.textToImage, excluded, noise('image_noise', imageIds))
  const negativeTexts = hardNegatives(
    similarity.imageToText,
    others ? sameIds(imageIds, textIds) : excluded,
    noise('text_noise', textIds),
  )
  const texts = others ? { ids: concat([ids, others.ids], 0), mask: concat([mask, others.mask], 0) } : { ids, mask }
  const matching = itm(p, config, {
    image: queried.imageCache,
    ids,
    mask,
    negativeImages,
    negativeTexts,
    texts,
    dropout,
  })
  const generation = itg(p, config, {
    ids,
    mask,
    past: queried.cache,
    decoderToken: options.decoderToken,
    padToken: options.padToken,
    dropout,
  })
  const terms = { itc: itcTerm, itm: matching.loss, itg: generation.loss }
  const [first, ...further] = (options.objectives ?? STAGE1_OBJECTIVES).map((name) => terms[name])
  if (!first) throw new ConfigError('stage 1 needs at least one objective; give some of itc, itm and itg')
  const loss = further.reduce(add, first)
  return {
    scope: p,
    loss,
    itc: itcTerm,
    itm: matching.loss,
    itg: generation.loss,
    image,
    imageVectors,
    textVectors,
    similarity,
    excluded,
    negativeImages,
    negativeTexts,
    matching,
    generation,
  }
}

export interface EmbedInput {
  /** Of the frozen encoder [batch, patches, width]. */
  readonly features: Tensor
  readonly ids: Tensor
  readonly mask: Tensor
  readonly dropout: Dropout
}

/** The two passes that ITC compares: pictures through the queries, texts alone. */
export function embed(p: Scope, config: Stage1Config, { features, ids, mask, dropout }: EmbedInput) {
  const image = visionNorm(p, config, features)
  const queried = queryImage(p, config, image, dropout)
  const imageVectors = imageEmbedding(p, config, queried.output)
  const textVectors = textEmbedding(p, config, encodeText(p, config, ids, mask, dropout))
  return { image, queried, imageVectors, textVectors }
}

const distractorInputs = (graph: Graph, count: number, tokens: number) => ({
  ids: graph.input('distractor_ids', 'int64', [count, tokens]),
  mask: graph.input('distractor_mask', 'int64', [count, tokens]),
  imageIds: graph.input('distractor_image_ids', 'int64', [count]),
})

/** Vectors of texts that belong to no picture of the batch, without gradient. ids, mask: int64 [texts, tokens] -> [texts, embeddingWidth] */
export const distractorVectors = (p: Scope, config: Stage1Config, ids: Tensor, mask: Tensor): Tensor =>
  stopGradient(textEmbedding(p, config, encodeText(p, config, ids, mask, noDropout)))
