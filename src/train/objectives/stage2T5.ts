import type { Graph, Tensor } from '../../graph/graph.js'
import { concat, crossEntropy, equal, reshape, slice, where } from '../../graph/index.js'
import {
  encodePrefix,
  queryImage,
  type Stage2T5Config,
  softPromptT5,
  T5_MODEL,
  visionNorm,
} from '../../models/blip2.js'
import { T5_START, t5Decode, t5Head } from '../../models/t5.js'
import { type Dropout, noDropout } from '../../nn/dropout.js'
import { Scope } from '../../nn/scope.js'
import { IGNORED } from './itg.js'

export interface Stage2T5Options {
  readonly batch: number
  /** Patches of the frozen encoder, the class token included. */
  readonly patches: number
  /** Tokens of the prefix, which the encoder reads after the soft prompt. */
  readonly inputTokens: number
  /** Tokens of the suffix, which the decoder writes. */
  readonly outputTokens: number
  readonly dropout?: Dropout
}

/** The frozen language model's weights; everything else of stage 2 is trained. */
export const T5_LANGUAGE_MODEL = `${T5_MODEL}.`

/**
 * Prefix language modelling from the soft prompt (paper 3.3, encoder-decoder-based): the encoder reads soft prompt and
 * prefix, the decoder writes the suffix. Inputs: 'features' [batch, patches, encoderWidth], and those of `suffixLoss`. The
 * loss is the mean over the labels that count.
 */
export function stage2T5(graph: Graph, config: Stage2T5Config, options: Stage2T5Options) {
  const { batch, patches, inputTokens, outputTokens, dropout = noDropout } = options
  const p = new Scope(graph)
  const features = graph.input('features', 'float32', [batch, patches, config.qformer.encoderWidth])
  const queryOutput = queryImage(p, config, visionNorm(p, config, features), dropout).output
  const prompt = softPromptT5(p, config, queryOutput)
  return { scope: p, ...suffixLoss(p, config, prompt, { inputTokens, outputTokens }), queryOutput, prompt }
}

/**
 * What the language model loses on suffixes, after soft prompts and prefixes. Inputs: 'input_ids' and 'input_mask' int64
 * [batch, inputTokens], 'output_mask' and 'targets' int64 [batch, outputTokens]: the suffix with its end token, -100 where
 * there is padding. prompt: [batch, queries, width]
 */
export function suffixLoss(
  p: Scope,
  config: Pick<Stage2T5Config, 'language'>,
  prompt: Tensor,
  { inputTokens, outputTokens }: Pick<Stage2T5Options, 'inputTokens' | 'outputTokens'>,
) {
  const batch = prompt.size(0) as number
  const integers = (name: string, tokens: number) => p.graph.input(name, 'int64', [batch, tokens])
  const targets = integers('targets', outputTokens)
  const prefix = encodePrefix(
    p,
    config,
    prompt,
    integers('input_ids', inputTokens),
    integers('input_mask', inputTokens),
  )
  const model = p.in(T5_MODEL)
  const decoded = t5Decode(model, config.language, {
    ids: shiftRight(targets),
    mask: integers('output_mask', outputTokens),
    encoded: prefix.encoded,
    encodedMask: prefix.mask,
  })
  const rows = reshape(decoded.output, [batch * outputTokens, config.language.width])
  const loss = crossEntropy(t5Head(model, config.language, rows), reshape(targets, [batch * outputTokens]))
  return { loss, encoded: prefix.encoded, decoded: decoded.output }
}

/** What the decoder reads: the start token, then each label but the last; padding where no label counts. */
export function shiftRight(labels: Tensor): Tensor {
  const [batch, tokens] = labels.shape as [number, number]
  const start = labels.graph.constant(new BigInt64Array(batch).fill(BigInt(T5_START)), [batch, 1])
  if (tokens === 1) return start
  const before = slice(labels, 1, 0, tokens - 1)
  return concat([start, where(equal(before, IGNORED), T5_START, before)], 1)
}
