import { WeightsError } from '../../errors.js'
import { Graph } from '../../graph/index.js'
import type { Stage2Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import type { ParameterSpec } from '../../nn/scope.js'
import { int64 } from '../../runtime/index.js'
import { cleanCaption } from '../../text/captionCleaning.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { GraphWeights } from '../../weights/heldWeights.js'
import type { TrainingTask } from '../loop.js'
import { IGNORED } from '../objectives/itg.js'
import { LANGUAGE_MODEL, stage2 } from '../objectives/stage2.js'
import { type FrozenWeights, restore } from '../program.js'
import type { OptimizationConfig } from './optimization.js'
import { type Stage, type StageParts, type StageSetting, stageTask } from './stageTask.js'
import { tokenWeightedInputs, tokenWeightedProgram } from './tokenWeightedProgram.js'

const PROJECTION = 'opt_proj.'

export interface Stage2TrainingConfig extends OptimizationConfig {
  readonly model: Stage2Config
  /** Texts are cut and padded to this many tokens. */
  readonly tokens: number
  readonly dropout: number
}

export interface Stage2Parts extends StageParts {
  /** The frozen language model, by the names under 'opt_model'. */
  readonly language: FrozenLanguage
  readonly tokenizer: Tokenizer
  /** Stage 1's weights; without them the Q-Former starts anew (the paper's Figure 5 compares the two). */
  readonly stage1: ReadonlyMap<string, Float32Array> | undefined
}

/** In memory; or ready for graphs, so that a large one may be mapped from its file and quantised to 8 bits. */
export type FrozenLanguage = ReadonlyMap<string, Float32Array> | GraphWeights

/** Stage 2 from a frozen image encoder and a frozen language model: the queries learn to prompt it (paper 3.3). */
export async function stage2Task(config: Stage2TrainingConfig, parts: Stage2Parts): Promise<TrainingTask> {
  const startsFromStage1 = parts.stage1 !== undefined
  return stageTask({ kind: 'stage2', startsFromStage1, ...config }, parts, (setting) =>
    openStage2(config, parts, setting),
  )
}

async function openStage2(
  config: Stage2TrainingConfig,
  parts: Stage2Parts,
  { patches, share, passes, communicator: _, ...settings }: StageSetting,
): Promise<Stage> {
  const { seed, tokens, model } = config
  const { language, tokenizer, stage1 } = parts
  const graph = new Graph()
  const dropout = new DropoutSites(config.dropout)
  const { loss, scope } = stage2(graph, model, { batch: share.own / passes, patches, tokens, dropout: dropout.apply })
  const frozen = frozenLanguage(language, scope.specs, LANGUAGE_MODEL)
  const shared = stage1 ? pick(stage1, scope.specs, isShared, 'stage 1') : new Map()
  const options = { graph, loss, specs: scope.specs, frozen, seed, ...settings }
  const program = await tokenWeightedProgram(options, dropout, share, passes)
  restore(program.memory, shared)
  return {
    program,
    inputs: ({ captions }) => {
      const text = encodeCaptions(tokenizer, captions, tokens)
      const inputs = {
        ids: int64(text.shape, text.ids),
        mask: int64(text.shape, text.mask),
        targets: targetsOf(text, model.qformer.queries),
      }
      return tokenWeightedInputs(inputs, Uint8Array.from(text.mask, Number), share, passes)
    },
  }
}

/** Stage 1 trained all of stage 2 but the projection to the language model; its text side and heads stay behind. */
const isShared = (name: string): boolean => !name.startsWith(LANGUAGE_MODEL) && !name.startsWith(PROJECTION)

/** @param prefix Of the language model's names. @throws WeightsError for one that is missing. */
export function frozenLanguage(
  language: FrozenLanguage,
  specs: ReadonlyMap<string, ParameterSpec>,
  prefix: string,
): FrozenWeights {
  const isLanguage = (name: string) => name.startsWith(prefix)
  // A directory's weights were checked when they were opened.
  if ('weight' in language) return { ...language, names: new Set([...specs.keys()].filter(isLanguage)) }
  return pick(language, specs, isLanguage, 'the language model')
}

/** The weights of a model that pass; a WeightsError lists those that `from` does not hold. */
function pick(
  from: ReadonlyMap<string, Float32Array>,
  specs: ReadonlyMap<string, ParameterSpec>,
  wanted: (name: string) => boolean,
  source: string,
): Map<string, Float32Array> {
  const names = [...specs.keys()].filter(wanted)
  const missing = names.filter((name) => !from.has(name))
  if (missing.length > 0) throw new WeightsError(`${source} lacks the weights ${missing.join(', ')}`)
  return new Map(names.map((name) => [name, from.get(name)!]))
}

/** Captions as the language model reads them: a line break ends each, and the generation. */
function encodeCaptions(tokenizer: Tokenizer, captions: readonly string[], tokens: number) {
  return tokenizer.encodeBatch(
    captions.map((caption) => `${cleanCaption(caption)}\n`),
    { padTo: tokens },
  )
}

/** Every token is a label, the first one too; padding and the queries in front are not. */
function targetsOf({ ids, mask, shape: [batch, tokens] }: ReturnType<typeof encodeCaptions>, queries: number) {
  const length = queries + tokens
  const targets = new BigInt64Array(batch * length).fill(BigInt(IGNORED))
  for (let row = 0; row < batch; row++)
    for (let i = 0; i < tokens; i++)
      if (mask[row * tokens + i]) targets[row * length + queries + i] = ids[row * tokens + i]!
  return int64([batch, length], targets)
}
