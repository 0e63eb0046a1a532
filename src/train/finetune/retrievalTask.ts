import { Graph } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { FEATURE_MEAN, FEATURE_STD, type ImageEncoderConfig, imageFeatures } from '../../models/imageEncoder.js'
import { patchCount } from '../../models/vit.js'
import { DropoutSites } from '../../nn/dropout.js'
import { float32, int64 } from '../../runtime/index.js'
import { cleanCaption } from '../../text/captionCleaning.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import { stage1 } from '../objectives/stage1.js'
import { type CaptionBatch, gumbelNoise } from '../pretrain/batches.js'
import { restore, TrainingProgram } from '../program.js'
import { rankShare } from '../comm/rankShare.js'
import { type FinetuneSettings, finetuneLoop } from './settings.js'

export interface RetrievalTrainingConfig extends FinetuneSettings {
  readonly task: 'retrieval'
  readonly model: Stage1Config & { readonly vision: ImageEncoderConfig }
  /** Captions are cut and padded to this many tokens. */
  readonly tokens: number
}

export interface RetrievalParts {
  /** Where all weights start, by full name. */
  readonly weights: ReadonlyMap<string, Float32Array>
  readonly tokenizer: Tokenizer
  readonly nextBatch: (step: number) => Promise<CaptionBatch>
  /** Compute layers again in the backward pass: less memory, more time. */
  readonly recompute?: boolean
}

/**
 * Fine-tuning for retrieval (paper 4.4): the objectives of stage 1 with the image encoder trained too. Captions of the
 * same picture share ITC's targets, and are no negatives of each other.
 */
export async function retrievalTask(config: RetrievalTrainingConfig, parts: RetrievalParts): Promise<TrainingTask> {
  const { model, batch, tokens, dropout: probability, seed } = config
  const { weights, tokenizer, nextBatch, recompute = false } = parts
  const { imageSize, layers } = model.vision
  const graph = new Graph()
  const dropout = new DropoutSites(probability)
  const { loss, itc, itm, itg, scope } = stage1(graph, model, {
    batch,
    patches: 1 + patchCount(model.vision),
    tokens,
    decoderToken: tokenizer.idOf('[DEC]'),
    padToken: tokenizer.idOf('[PAD]'),
    itcGradient: 'full',
    imageIds: true,
    dropout: dropout.apply,
    features: (p) => imageFeatures(p, model.vision, graph.input('images', 'float32', [batch, 3, imageSize, imageSize])),
  })
  const frozen = new Map([...weights].filter(([name]) => name === FEATURE_MEAN || name === FEATURE_STD))
  const terms = { itc, itm, itg }
  const program = await TrainingProgram.create({
    graph,
    loss,
    terms,
    specs: scope.specs,
    frozen,
    dropout,
    seed,
    recompute,
  })
  restore(program.memory, new Map([...weights].filter(([name]) => !frozen.has(name))))
  const share = rankShare({ rank: 0, size: 1 }, batch)
  return {
    config: { kind: 'finetune', ...config },
    program,
    samplesPerStep: batch,
    ...finetuneLoop(config, layers),
    feeds: async (step) => {
      const { images, captions, imageIds, random } = await nextBatch(step)
      const text = tokenizer.encodeBatch(
        captions.map((caption) => cleanCaption(caption)),
        { padTo: tokens },
      )
      const noise = () => float32([batch, batch], gumbelNoise(random, share))
      return {
        images: float32([batch, 3, imageSize, imageSize], images),
        ids: int64(text.shape, text.ids),
        mask: int64(text.shape, text.mask),
        image_ids: int64([batch], imageIds),
        image_noise: noise(),
        text_noise: noise(),
      }
    },
    [Symbol.asyncDispose]: () => program.dispose(),
  }
}
