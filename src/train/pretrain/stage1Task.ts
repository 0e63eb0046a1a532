import { DataError } from '../../errors.js'
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
import { gumbelNoise } from './batches.js'
import { type LengthGroup, lengthGroups } from './lengthGroups.js'
import { LengthPrograms } from './lengthPrograms.js'
import type { OptimizationConfig } from './optimization.js'
import { type Stage, type StageParts, stageTask } from './stageTask.js'

export interface Stage1TrainingConfig extends OptimizationConfig {
  readonly model: Stage1Config
  /** Captions are cut to this many tokens, [CLS] and [SEP] included; batches of short ones are padded to fewer. */
  readonly tokens: number
  readonly dropout: number
  readonly itcGradient: ItcGradient
}

export interface Stage1Parts extends StageParts {
  readonly tokenizer: Tokenizer
}

/**
 * Stage 1 from a frozen image encoder: ITC, ITM and ITG train the Q-Former (paper 3.2). Throws a DataError where all
 * pictures show the same thing: matching needs negatives.
 */
export async function stage1Task(config: Stage1TrainingConfig, parts: Stage1Parts): Promise<TrainingTask> {
  const { pictures, tokenizer } = parts
  const ids = new Set(Array.from({ length: pictures.length }, (_, index) => pictures.imageId(index)))
  if (ids.size < 2)
    throw new DataError(
      `stage 1 tells pictures apart: expected at least two different ones, got ${ids.size}; give more pictures`,
    )
  const lengths = Array.from({ length: pictures.length }, (_, index) =>
    Math.max(...pictures.captions(index).map((caption) => tokenizer.encode(cleanCaption(caption)).length)),
  )
  const groups = lengthGroups(lengths, { maxTokens: config.tokens, batch: config.batch })
  const open = (patches: number) => openStage1(config, tokenizer, groups, patches)
  return stageTask({ kind: 'stage1', ...config }, parts, open, { groups })
}

async function openStage1(
  config: Stage1TrainingConfig,
  tokenizer: Tokenizer,
  groups: readonly LengthGroup[],
  patches: number,
): Promise<Stage> {
  const { batch, seed } = config
  const lengths = groups.map(({ tokens }) => tokens)
  return {
    program: await LengthPrograms.create(lengths, (tokens, memory) => {
      const graph = new Graph()
      const dropout = new DropoutSites(config.dropout)
      const { loss, itc, itm, itg, scope } = stage1(graph, config.model, {
        batch,
        patches,
        tokens,
        decoderToken: tokenizer.idOf('[DEC]'),
        padToken: tokenizer.idOf('[PAD]'),
        itcGradient: config.itcGradient,
        imageIds: true,
        dropout: dropout.apply,
      })
      const options = { graph, loss, terms: { itc, itm, itg }, specs: scope.specs, dropout, seed }
      return TrainingProgram.create({ ...options, ...(memory ? { memory } : {}) })
    }),
    inputs: ({ captions, imageIds, tokens = config.tokens, random }) => {
      const text = tokenizer.encodeBatch(
        captions.map((caption) => cleanCaption(caption)),
        { padTo: tokens },
      )
      const noise = () => float32([batch, batch], gumbelNoise(random, batch * batch))
      return {
        ids: int64(text.shape, text.ids),
        mask: int64(text.shape, text.mask),
        image_ids: int64([batch], imageIds),
        image_noise: noise(),
        text_noise: noise(),
      }
    },
  }
}
