import { Graph } from '../../graph/index.js'
import type { Stage2T5Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import { cleanCaption } from '../../text/captionCleaning.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import { splitPrefix } from '../objectives/stage2Prefix.js'
import { stage2T5, T5_LANGUAGE_MODEL } from '../objectives/stage2T5.js'
import type { OptimizationConfig } from '../pretrain/optimization.js'
import { frozenLanguage, type Stage2Parts } from '../pretrain/stage2Task.js'
import { type StageSetting, stageTask } from '../pretrain/stageTask.js'
import { tokenWeightedInputs, tokenWeightedProgram } from '../pretrain/tokenWeightedProgram.js'
import { restore } from '../program.js'
import type { Random } from '../random/random.js'
import { type PairLengths, pairInputs } from './pairInputs.js'
import { T5_END } from './tokenizer.js'

export interface Stage2T5TrainingConfig extends OptimizationConfig, PairLengths {
  readonly model: Stage2T5Config
  readonly dropout: number
  /** Part of the captions that are written whole, after an empty prefix: what the model is asked for without a prompt. */
  readonly whole: number
}

/**
 * Stage 2 with an encoder and a decoder (paper 3.3): prefix language modelling after the soft prompt. The parts are
 * those of stage 2 with OPT; `language` holds T5's weights by the names under 't5_model'.
 */
export async function stage2T5Task(config: Stage2T5TrainingConfig, parts: Stage2Parts): Promise<TrainingTask> {
  const startsFromStage1 = parts.stage1 !== undefined
  return stageTask({ kind: 'stage2 t5', startsFromStage1, ...config }, parts, (setting) => open(config, parts, setting))
}

async function open(config: Stage2T5TrainingConfig, parts: Stage2Parts, setting: StageSetting) {
  const { share, passes, patches, communicator: _, ...settings } = setting
  const { model, inputTokens, outputTokens, seed } = config
  const { language, tokenizer, stage1 } = parts
  const graph = new Graph()
  const dropout = new DropoutSites(config.dropout)
  const options = { batch: share.own / passes, patches, inputTokens, outputTokens, dropout: dropout.apply }
  const { loss, scope } = stage2T5(graph, model, options)
  const frozen = frozenLanguage(language, scope.specs, T5_LANGUAGE_MODEL)
  const program = await tokenWeightedProgram(
    { ...settings, graph, loss, specs: scope.specs, frozen, seed },
    dropout,
    share,
    passes,
  )
  const isShared = (name: string) => scope.specs.has(name) && !name.startsWith(T5_LANGUAGE_MODEL)
  if (stage1) restore(program.memory, new Map([...stage1].filter(([name]) => isShared(name))))
  return {
    program,
    inputs: ({ captions, random }: { readonly captions: readonly string[]; readonly random: Random }) => {
      const pairs = captions.map((caption) => prefixPair(caption, tokenizer, config.whole, random))
      const inputs = pairInputs(pairs, config, tokenizer.paddingId)
      // A target that counts is read too.
      return tokenWeightedInputs(
        inputs,
        Uint8Array.from(inputs.output_mask.data as BigInt64Array, Number),
        share,
        passes,
      )
    },
  }
}

function prefixPair(caption: string, tokenizer: Tokenizer, whole: number, random: Random) {
  const endToken = tokenizer.idOf(T5_END)
  const tokens = tokenizer.encode(cleanCaption(caption), { addSpecialTokens: false })
  if (random.uniform() < whole) return { input: [endToken], target: [...tokens, endToken] }
  const { prefix, suffix } = splitPrefix(tokens, endToken, () => random.uniform())
  return { input: prefix, target: suffix }
}
