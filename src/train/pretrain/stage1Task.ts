import { ConfigError, DataError } from '../../errors.js'
import { Graph } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import { float32, int64, type Value } from '../../runtime/index.js'
import { cleanCaption } from '../../text/captionCleaning.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { RankShare } from '../comm/rankShare.js'
import type { TrainingTask } from '../loop.js'
import type { ItcGradient } from '../objectives/itc.js'
import { type Stage1Objective, type Stage1Options, stage1 } from '../objectives/stage1.js'
import { ownDistractors } from '../objectives/stage1Rank.js'
import { type ProgramOptions, TrainingProgram } from '../program.js'
import { type Caption, gumbelNoise } from './batches.js'
import { type LengthGroup, lengthGroups } from './lengthGroups.js'
import { LengthPrograms } from './lengthPrograms.js'
import type { OptimizationConfig } from './optimization.js'
import { ownRows, pickRows, tokenWeights } from './rankInputs.js'
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
   * 1,680 and more give, for a small batch. Default 0.
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
        distractors: config.distractors ?? 0,
      }
      const opening = { ...settings, ...(memory ? { memory } : {}) }
      return share.ranks * passes === 1
        ? openAlone(config, { ...options, batch: share.own }, opening)
        : Stage1RankProgram.create(config, options, { ...opening, communicator, share, passes })
    }),
    inputs: ({ captions, imageIds, distractors, tokens = config.tokens, random }) => {
      const all = [...captions, ...distractors.map(({ caption }) => caption)].map((text) => cleanCaption(text))
      const { shape, ids, mask } = tokenizer.encodeBatch(all, { padTo: tokens })
      const texts = { ids: int64(shape, ids), mask: int64(shape, mask) }
      const noise = (columns: number) => float32([share.own, columns], gumbelNoise(random, share, columns))
      return {
        ids: ownRows(texts.ids, share),
        mask: ownRows(texts.mask, share),
        image_ids: int64([share.all], imageIds),
        ...(distractors.length === 0 ? {} : distractorInputs(texts, distractors, share, passes)),
        ...(share.ranks * passes === 1 ? {} : acrossParts(texts, share, passes, padToken)),
        image_noise: noise(share.all),
        text_noise: noise(share.all + distractors.length),
      }
    },
  }
}

/** Captions of the whole batch, then the distractors: int64 [all + distractors, tokens] */
interface EncodedTexts {
  readonly ids: Value<'int64'>
  readonly mask: Value<'int64'>
}

/** The rank's part of the distractors, from the first again where they cannot be shared evenly; and what all are of. */
function distractorInputs(
  { ids, mask }: EncodedTexts,
  distractors: readonly Caption[],
  { all, rank, ranks }: RankShare,
  passes: number,
): Record<string, Value> {
  const own = passes * ownDistractors({ distractors: distractors.length, ranks: ranks * passes })
  const rows = Array.from({ length: own }, (_, i) => all + ((rank * own + i) % distractors.length))
  return {
    distractor_ids: pickRows(ids, rows),
    distractor_mask: pickRows(mask, rows),
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
function acrossParts({ ids, mask }: EncodedTexts, share: RankShare, passes: number, padToken: number) {
  const tokens = ids.shape[1]!
  // The first token becomes [DEC], which nothing predicts; padding is no label.
  const isLabel = (id: bigint, position: number) => position > 0 && id !== BigInt(padToken)
  const captions = ids.data.subarray(0, share.all * tokens)
  const labels = Uint8Array.from(captions, (id, i) => (isLabel(id, i % tokens) ? 1 : 0))
  return { all_ids: ids, all_mask: mask, token_weights: tokenWeights(labels, share, passes) }
}
