import type { CaptionedPictures } from '../../data/captionedPictures.js'
import { Graph } from '../../graph/index.js'
import type { Stage2Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import { int64 } from '../../runtime/index.js'
import { cleanCaption } from '../../text/captionCleaning.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import { IGNORED } from '../objectives/itg.js'
import { stage2 } from '../objectives/stage2.js'
import { restore, TrainingProgram } from '../program.js'
import { warmupCosine } from '../schedule.js'
import { captionBatches } from './batches.js'
import { type EncoderWeights, FrozenEncoder } from './frozenEncoder.js'
import type { OptimizationConfig } from './optimization.js'

export interface Stage2TrainingConfig extends OptimizationConfig {
  readonly model: Stage2Config
  /** Texts are cut and padded to this many tokens. */
  readonly tokens: number
  readonly dropout: number
}

export interface Stage2Parts {
  readonly encoder: EncoderWeights
  /** The frozen language model, by the names under 'opt_model'. */
  readonly language: ReadonlyMap<string, Float32Array>
  readonly tokenizer: Tokenizer
  readonly pictures: CaptionedPictures
  /** Stage 1's weights; without them the Q-Former starts anew (the paper's Figure 5 compares the two). */
  readonly stage1: ReadonlyMap<string, Float32Array> | undefined
}

/** Stage 2 from a frozen image encoder and a frozen language model: the queries learn to prompt it (paper 3.3). */
export async function stage2Task(config: Stage2TrainingConfig, parts: Stage2Parts): Promise<TrainingTask> {
  const { batch, seed, tokens, model } = config
  const { encoder, language, pictures, tokenizer } = parts
  const frozen = await FrozenEncoder.create(encoder, batch)
  const graph = new Graph()
  const dropout = new DropoutSites(config.dropout)
  const drawn = stage2(graph, model, { batch, patches: frozen.tokens, tokens, dropout: dropout.apply })
  const { loss, scope } = drawn
  const program = await TrainingProgram.create({ graph, loss, specs: scope.specs, frozen: language, dropout, seed })
  if (parts.stage1) restore(program.memory, sharedWeights(program, parts.stage1))
  const { imageSize: size } = encoder.config
  const augment = { ...config.augment, size, mean: encoder.mean, std: encoder.std }
  const nextBatch = captionBatches(pictures, { batch, seed, augment })
  return {
    config: { kind: 'stage2', startsFromStage1: parts.stage1 !== undefined, ...config },
    program,
    steps: config.steps,
    samplesPerStep: batch,
    schedule: warmupCosine(config.schedule),
    weightDecay: config.weightDecay,
    betas: config.betas,
    clipNorm: config.clipNorm,
    feeds: async (step) => {
      const { images, captions } = nextBatch(step)
      const text = encodeCaptions(tokenizer, captions, tokens)
      return {
        features: await frozen.encode(images, batch),
        ids: int64(text.shape, text.ids),
        mask: int64(text.shape, text.mask),
        targets: targetsOf(text, model.qformer.queries),
      }
    },
  }
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

/** The weights of stage 1 that stage 2 has too: the text side and the heads stay behind. */
function sharedWeights({ memory }: TrainingProgram, stage1: ReadonlyMap<string, Float32Array>) {
  const names = new Set(memory.parameters.map(({ name }) => name))
  return new Map([...stage1].filter(([name]) => names.has(name)))
}
