import type { CaptionedPictures } from '../../data/captionedPictures.js'
import { Graph } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import { float32, int64 } from '../../runtime/index.js'
import { cleanCaption } from '../../text/captionCleaning.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import type { ItcGradient } from '../objectives/itc.js'
import { stage1 } from '../objectives/stage1.js'
import { TrainingProgram } from '../program.js'
import { warmupCosine } from '../schedule.js'
import { captionBatches, gumbelNoise } from './batches.js'
import { type EncoderWeights, FrozenEncoder } from './frozenEncoder.js'
import type { OptimizationConfig } from './optimization.js'

export interface Stage1TrainingConfig extends OptimizationConfig {
  readonly model: Stage1Config
  /** Captions are cut and padded to this many tokens, [CLS] and [SEP] included. */
  readonly tokens: number
  readonly dropout: number
  readonly itcGradient: ItcGradient
}

export interface Stage1Parts {
  readonly encoder: EncoderWeights
  readonly pictures: CaptionedPictures
  readonly tokenizer: Tokenizer
}

/** Stage 1 from a frozen image encoder: ITC, ITM and ITG train the Q-Former (paper 3.2). */
export async function stage1Task(config: Stage1TrainingConfig, parts: Stage1Parts): Promise<TrainingTask> {
  const { batch, seed, tokens } = config
  const { encoder, pictures, tokenizer } = parts
  const frozen = await FrozenEncoder.create(encoder, batch)
  const graph = new Graph()
  const dropout = new DropoutSites(config.dropout)
  const padToken = tokenizer.idOf('[PAD]')
  const drawn = stage1(graph, config.model, {
    batch,
    patches: frozen.tokens,
    tokens,
    decoderToken: tokenizer.idOf('[DEC]'),
    padToken,
    itcGradient: config.itcGradient,
    imageIds: true,
    dropout: dropout.apply,
  })
  const { loss, itc, itm, itg, scope } = drawn
  const program = await TrainingProgram.create({
    graph,
    loss,
    terms: { itc, itm, itg },
    specs: scope.specs,
    dropout,
    seed,
  })
  const { imageSize: size } = encoder.config
  const augment = { ...config.augment, size, mean: encoder.mean, std: encoder.std }
  const nextBatch = captionBatches(pictures, { batch, seed, augment })
  return {
    config: { kind: 'stage1', ...config },
    program,
    steps: config.steps,
    samplesPerStep: batch,
    schedule: warmupCosine(config.schedule),
    weightDecay: config.weightDecay,
    betas: config.betas,
    clipNorm: config.clipNorm,
    feeds: async (step) => {
      const { images, captions, imageIds, random } = nextBatch(step)
      const text = tokenizer.encodeBatch(
        captions.map((caption) => cleanCaption(caption)),
        { padTo: tokens },
      )
      const noise = () => float32([batch, batch], gumbelNoise(random, batch * batch))
      return {
        features: await frozen.encode(images, batch),
        ids: int64(text.shape, text.ids),
        mask: int64(text.shape, text.mask),
        image_ids: int64([batch], imageIds),
        image_noise: noise(),
        text_noise: noise(),
      }
    },
  }
}
