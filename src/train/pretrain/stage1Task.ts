import { ConfigError, DataError } from '../../errors.js'
import { Graph } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import { float32, int64, type Value } from '../../runtime/index.js'
import { cleanCaption } from '../../text/captionCleaning.js'
import type { EncodedBatch, Tokenizer } from '../../text/tokenizer.js'
import type { RankShare } from '../comm/rankShare.js'
import type { TrainingTask } from '../loop.js'
import type { ItcGradient } from '../objectives/itc.js'
import { type Stage1Objective, type Stage1Options, stage1 } from '../objectives/stage1.js'
import { type ProgramOptions, TrainingProgram } from '../program.js'
import { type Caption, gumbelNoise } from './batches.js'
import { type LengthGroup, lengthGroups } from './lengthGroups.js'
import { LengthPrograms } from './lengthPrograms.js'
import type { OptimizationConfig } from './optimization.js'
import { ownRows, tokenWeights } from './rankInputs.js'
import { Stage1RankProgram } from './stage1RankProgram.js'
import { type Stage, type StageParts, type StageSetting, stageTask } from './stageTask.js'

export interface Stage1TrainingConfig extends OptimizationConfig {
  readonly model: Stage1Config
  /** Captions are cut to this many tokens, [CLS] and [SEP] included; batches of short ones are padded to fewer. */
  readonly tokens: number
  readonly dropout: number
  readonly itcGradient: ItcGradient
  /**
   * Captions besides the batch's own that its pictures are told from, drawn at each step: what the paper's batches of
   * 1,680 and more give, for a small batch. On one rank and in one pass. Default 0.
   */
  readonly distractors?: number
  /** Objectives that are minimised (default: all three), on one rank and in one pass. */
  readonly objectives?: readonly Stage1Objective[]
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
  const open = (setting: StageSetting) => openStage1(config, tokenizer, groups, setting)
  const { distractors = 0 } = config
  return stageTask({ kind: 'stage1', ...config }, parts, open, { groups, distractors })
}

async function openStage1(
  config: Stage1TrainingConfig,
  tokenizer: Tokenizer,
  groups: readonly LengthGroup[],
  { patches, communicator, share, passes, ...settings }: StageSetting,
): Promise<Stage> {
  if (config.objectives && share.ranks * passes > 1)
    throw new ConfigError('some objectives of stage 1 alone are trained on one rank and in one pass only')
  const { distractors: distractorCount = 0 } = config
  if (distractorCount > 0 && share.ranks * passes > 1)
    throw new ConfigError(
      `${distractorCount} captions as distractors stand in for a large batch on one rank and in one pass; got ${share.ranks} ranks and ${passes} passes: use --distractors 0 and a larger batch`,
    )
  const lengths = groups.map(({ tokens }) => tokens)
  const padToken = tokenizer.idOf('[PAD]')
  return {
    program: await LengthPrograms.create(lengths, (tokens, memory) => {
      const options = {
        patches,
        tokens,
        decoderToken: tokenizer.idOf('[DEC]'),
        padToken,
        itcGradient: config.itcGradient,
        imageIds: true,
        distractors: distractorCount,
      }
      const opening = { ...settings, ...(memory ? { memory } : {}) }
      return share.ranks * passes === 1
        ? openAlone(config, { ...options, batch: share.own }, opening)
        : Stage1RankProgram.create(config, options, { ...opening, communicator, share, passes })
    }),
    inputs: ({ captions, imageIds, distractors, tokens = config.tokens, random }) => {
      const encode = (texts: readonly string[]) =>
        tokenizer.encodeBatch(
          texts.map((text) => cleanCaption(text)),
          { padTo: tokens },
        )
      const text = encode(captions)
      const noise = (columns: number) => float32([share.own, columns], gumbelNoise(random, share, columns))
      return {
        ids: ownRows(int64(text.shape, text.ids), share),
        mask: ownRows(int64(text.shape, text.mask), share),
        ...(share.ranks * passes === 1 ? {} : acrossParts(text, share, passes, padToken)),
        image_ids: int64([share.all], imageIds),
        ...(distractors.length === 0 ? {} : distractorInputs(distractors, encode)),
        image_noise: noise(share.all),
        text_noise: noise(share.all + distractors.length),
      }
    },
  }
}

function distractorInputs(
  distractors: readonly Caption[],
  encode: (texts: readonly string[]) => EncodedBatch,
): Record<string, Value> {
  const { shape, ids, mask } = encode(distractors.map(({ caption }) => caption))
  return {
    distractor_ids: int64(shape, ids),
    distractor_mask: int64(shape, mask),
    distractor_image_ids: int64(
      [distractors.length],
      distractors.map(({ imageId }) => imageId),
    ),
  }
}

/** The whole stage in one run of the runtime. */
function openAlone(
  { model, dropout: probability, seed, objectives }: Stage1TrainingConfig,
  options: Stage1Options,
  opening: Pick<ProgramOptions, 'memory' | 'threads' | 'recompute'>,
): Promise<TrainingProgram> {
  const graph = new Graph()
  const dropout = new DropoutSites(probability)
  const { loss, itc, itm, itg, scope } = stage1(graph, model, {
    ...options,
    dropout: dropout.apply,
    ...(objectives ? { objectives } : {}),
  })
  return TrainingProgram.create({
    ...opening,
    graph,
    loss,
    terms: { itc, itm, itg },
    specs: scope.specs,
    dropout,
    seed,
  })
}

/** What a part needs of the others' texts: negatives are drawn from them, and the mean over tokens is theirs too. */
function acrossParts({ ids, mask, shape }: EncodedBatch, share: RankShare, passes: number, padToken: number) {
  const [, tokens] = shape
  // The first token becomes [DEC], which nothing predicts; padding is no label.
  const isLabel = (id: bigint, position: number) => position > 0 && id !== BigInt(padToken)
  const labels = Uint8Array.from(ids, (id, i) => (isLabel(id, i % tokens) ? 1 : 0))
  return {
    all_ids: int64(shape, ids),
    all_mask: int64(shape, mask),
    token_weights: tokenWeights(labels, share, passes),
  }
}
