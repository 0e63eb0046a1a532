import type { Graph } from '../../graph/graph.js'
import { crossEntropy, reshape } from '../../graph/index.js'
import { T5_MODEL } from '../../models/blip2.js'
import { type T5Config, t5Decode, t5Embed, t5Encode, t5Head } from '../../models/t5.js'
import { Scope } from '../../nn/scope.js'
import { shiftRight } from '../objectives/stage2T5.js'

export interface T5ObjectiveOptions {
  readonly batch: number
  readonly inputTokens: number
  readonly outputTokens: number
}

/**
 * Text to text: the encoder reads one, the decoder writes the other. Inputs: 'input_ids' and 'input_mask' int64 [batch,
 * inputTokens], 'output_mask' and 'targets' int64 [batch, outputTokens], -100 where there is padding. The loss is the
 * mean over the labels that count.
 */
export function t5Objective(graph: Graph, config: T5Config, { batch, inputTokens, outputTokens }: T5ObjectiveOptions) {
  const p = new Scope(graph)
  const model = p.in(T5_MODEL)
  const integers = (name: string, tokens: number) => graph.input(name, 'int64', [batch, tokens])
  const encodedMask = integers('input_mask', inputTokens)
  const encoded = t5Encode(
    model,
    config,
    t5Embed(model, config, integers('input_ids', inputTokens)),
    encodedMask,
  ).output
  const targets = integers('targets', outputTokens)
  const mask = integers('output_mask', outputTokens)
  const decoded = t5Decode(model, config, { ids: shiftRight(targets), mask, encoded, encodedMask })
  const rows = reshape(decoded.output, [batch * outputTokens, config.width])
  const loss = crossEntropy(t5Head(model, config, rows), reshape(targets, [batch * outputTokens]))
  return { scope: p, loss }
}
