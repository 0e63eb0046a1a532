import type { Graph, Tensor } from '../../graph/graph.js'
import { add, concat, mul, slice } from '../../graph/index.js'
import { type Stage1Config, visionNorm } from '../../models/blip2.js'
import { imageKeyValues } from '../../models/qformer.js'
import { noDropout } from '../../nn/dropout.js'
import { Scope } from '../../nn/scope.js'
import { type GatheredVectors, itcLoss, itcLossWithIds, sameIds, similaritiesOfRank, similarityRows } from './itc.js'
import { itg } from './itg.js'
import { hardNegatives, matchAgainst } from './itm.js'
import { distractorVectors, embed, type Stage1Options, temperatureOf } from './stage1.js'

/** Stage 1 shared by ranks. `batch` is the number of a rank's own samples, `distractors` that of all ranks. */
export interface Stage1RankOptions extends Stage1Options {
  readonly rank: number
  readonly ranks: number
}

/** What all ranks gather before the step, of a rank's own samples and texts. */
export interface OwnVectors {
  /** [batch, queries, embeddingWidth] */
  readonly image: Tensor
  /** [batch, embeddingWidth] */
  readonly text: Tensor
  /** [ownDistractors, embeddingWidth], constant; with distractors only. */
  readonly distractors?: Tensor
}

/** Distractors that each rank embeds: where they cannot be shared evenly, some are embedded twice. */
export const ownDistractors = ({ distractors = 0, ranks }: Pick<Stage1RankOptions, 'distractors' | 'ranks'>): number =>
  Math.ceil(distractors / ranks)

/**
 * Before the step: the vectors of the rank's own samples, for all ranks to gather. Inputs: 'features' [batch, patches,
 * encoderWidth], 'ids' and 'mask' int64 [batch, tokens], and with distractors 'distractor_ids' and 'distractor_mask'
 * int64 [ownDistractors, tokens]. Dropouts have the names they have in the step, which computes the same vectors.
 */
export function stage1Vectors(graph: Graph, config: Stage1Config, options: Stage1RankOptions) {
  const scope = new Scope(graph)
  const inputs = ownInputs(graph, config, options)
  const own = embed(scope, config, { ...inputs, dropout: options.dropout ?? noDropout })
  return { scope, vectors: ownVectors(scope, config, own, options) }
}

function ownVectors(
  p: Scope,
  config: Stage1Config,
  { imageVectors: image, textVectors: text }: Pick<ReturnType<typeof embed>, 'imageVectors' | 'textVectors'>,
  options: Stage1RankOptions,
): OwnVectors {
  const count = ownDistractors(options)
  const input = (name: string) => p.graph.input(`distractor_${name}`, 'int64', [count, options.tokens])
  return {
    image,
    text,
    ...(count > 0 ? { distractors: distractorVectors(p, config, input('ids'), input('mask')) } : {}),
  }
}

/**
 * Then: negatives for the rank's samples among those of all ranks, as numbers in the whole batch. Inputs:
 * 'all_image_vectors' [all, queries, embeddingWidth], 'all_text_vectors' [all, embeddingWidth], 'image_noise' and
 * 'text_noise' [batch, all] (Gumbel), and 'image_ids' int64 [all] where `imageIds` is set. With distractors
 * 'all_distractor_vectors' [distractors, embeddingWidth] and 'distractor_image_ids' int64 [distractors] as well; their
 * numbers, and their columns of 'text_noise', follow those of the batch. -> int64 [batch], twice
 */
export function stage1Negatives(graph: Graph, config: Stage1Config, options: Stage1RankOptions) {
  const { batch, rank } = options
  const scope = new Scope(graph)
  const all = gatheredInputs(graph, config, options)
  const [first, end] = [rank * batch, (rank + 1) * batch]
  const own = { image: slice(all.image, 0, first, end), text: slice(all.text, 0, first, end) }
  const { imageToText, textToImage } = similarityRows(own, all, temperatureOf(scope))
  const { imageIds, textIds } = idsOf(graph, options)
  const ownIds = slice(imageIds, 0, first, end)
  const negatives = (similarity: Tensor, columnIds: Tensor, noise: string) =>
    hardNegatives(similarity, sameIds(ownIds, columnIds), graph.input(noise, 'float32', similarity.shape))
  return {
    scope,
    negativeImages: negatives(textToImage, imageIds, 'image_noise'),
    negativeTexts: negatives(imageToText, textIds, 'text_noise'),
  }
}

/**
 * The step itself: what this rank adds to the three objectives (paper 3.2), such that the mean of the ranks' losses and
 * gradients is that of one rank with all samples. Inputs besides those above: 'negative_features' [batch, patches,
 * encoderWidth], 'negative_ids' and 'negative_mask' int64 [batch, tokens], and 'token_weight' []: what the mean over the
 * rank's tokens is multiplied by in ITG. The rank's share of all tokens, times the ranks, gives the mean over all
 * tokens; 1 gives the mean of the ranks' means, as the authors' code has it. `vectors` are those of `stage1Vectors`.
 */
export function stage1Rank(graph: Graph, config: Stage1Config, options: Stage1RankOptions) {
  const { batch, tokens, rank, itcGradient, dropout = noDropout } = options
  const p = new Scope(graph)
  const { features, ids, mask } = ownInputs(graph, config, options)
  const { queried, ...embedded } = embed(p, config, { features, ids, mask, dropout })
  const vectors = ownVectors(p, config, embedded, options)

  const all = gatheredInputs(graph, config, options)
  const first = rank * batch
  const similarity = similaritiesOfRank(vectors, all, first, temperatureOf(p), itcGradient)
  const { imageIds, textIds } = idsOf(graph, options)
  const rows = { start: itcGradient === 'full' ? 0 : first, count: similarity.imageToText.size(0) as number }
  const targets = graph.integers(Array.from({ length: rows.count }, (_, row) => rows.start + row))
  const itc = options.imageIds
    ? itcLossWithIds(similarity, slice(imageIds, 0, rows.start, rows.start + rows.count), imageIds, textIds)
    : itcLoss(similarity, targets)

  const negativeText = (name: string) => graph.input(name, 'int64', [batch, tokens])
  const negatives = {
    image: imageKeyValues(
      p.in('Qformer'),
      config.qformer,
      visionNorm(p, config, graph.input('negative_features', 'float32', features.shape)),
    ),
    ids: negativeText('negative_ids'),
    mask: negativeText('negative_mask'),
  }
  const matching = matchAgainst(p, config, { image: queried.imageCache, ids, mask, negatives, dropout })
  const { decoderToken, padToken } = options
  const generation = itg(p, config, { ids, mask, past: queried.cache, decoderToken, padToken, dropout })
  const itgTerm = mul(generation.loss, graph.input('token_weight', 'float32', []))
  const loss = add(add(itc, matching.loss), itgTerm)
  return { scope: p, loss, itc, itm: matching.loss, itg: itgTerm, similarity, targets, vectors }
}

const ownInputs = (graph: Graph, config: Stage1Config, { batch, patches, tokens }: Stage1RankOptions) => ({
  features: graph.input('features', 'float32', [batch, patches, config.qformer.encoderWidth]),
  ids: graph.input('ids', 'int64', [batch, tokens]),
  mask: graph.input('mask', 'int64', [batch, tokens]),
})

function gatheredInputs(graph: Graph, config: Stage1Config, options: Stage1RankOptions): GatheredVectors {
  const { embeddingWidth: width, qformer } = config
  const { batch, ranks, distractors } = options
  const vectors = (of: string, shape: readonly number[]) => graph.input(`all_${of}_vectors`, 'float32', shape)
  return {
    image: vectors('image', [batch * ranks, qformer.queries, width]),
    text: vectors('text', [batch * ranks, width]),
    ...(distractors ? { distractors: vectors('distractor', [distractors, width]) } : {}),
  }
}

/** What each picture and text is about: the number of its sample in the whole batch where they are all different. */
function idsOf(graph: Graph, { batch, ranks, imageIds: given, distractors }: Stage1RankOptions) {
  const all = batch * ranks
  const imageIds = given
    ? graph.input('image_ids', 'int64', [all])
    : graph.integers(Array.from({ length: all }, (_, sample) => sample))
  if (!distractors) return { imageIds, textIds: imageIds }
  return { imageIds, textIds: concat([imageIds, graph.input('distractor_image_ids', 'int64', [distractors])], 0) }
}
