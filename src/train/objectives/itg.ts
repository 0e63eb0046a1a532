import type { Tensor } from '../../graph/graph.js'
import { concat, crossEntropy, equal, reshape, slice, where } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { type KeyValue, languageHead, qformer } from '../../models/qformer.js'
import { BERT_MASK, causalBias } from '../../nn/attention.js'
import type { Dropout } from '../../nn/dropout.js'
import type { Scope } from '../../nn/scope.js'

const LABEL_SMOOTHING = 0.1
export const IGNORED = -100

/** Ids with the decoding token in front instead of [CLS]: it tells the Q-Former to generate. ids: int64 [batch, tokens] */
export function decoderIds(ids: Tensor, decoderToken: number): Tensor {
  const [batch, tokens] = ids.shape as [number, number]
  const start = ids.graph.constant(new BigInt64Array(batch).fill(BigInt(decoderToken)), [batch, 1])
  return concat([start, slice(ids, 1, 1, tokens)], 1)
}

/**
 * Score bias of text that is generated after the queries: it sees all of them, and the text before it.
 * mask: int64 [batch, tokens] -> [batch, 1, tokens, queries + tokens]
 */
export function generationBias(mask: Tensor, queries: number): Tensor {
  const [batch, tokens] = mask.shape as [number, number]
  const visible = mask.graph.constant(new Float32Array(batch * tokens * queries), [batch, 1, tokens, queries])
  return concat([visible, causalBias(mask, BERT_MASK)], 3)
}

/** Hidden states of the text that follows the queries' cached keys and values. -> [batch, tokens, width] */
export function generateAfterQueries(
  p: Scope,
  config: Stage1Config,
  ids: Tensor,
  mask: Tensor,
  past: readonly KeyValue[],
  dropout?: Dropout,
) {
  return qformer(p.in('Qformer'), config.qformer, {
    textIds: ids,
    past,
    attentionBias: generationBias(mask, config.qformer.queries),
    ...(dropout ? { dropout } : {}),
  })
}

export interface ItgInput {
  readonly ids: Tensor
  readonly mask: Tensor
  /** Keys and values of the queries' pass over the picture; gradients flow into them. */
  readonly past: readonly KeyValue[]
  readonly decoderToken: number
  readonly padToken: number
  readonly dropout?: Dropout
}

/** Image-grounded text generation: each token from the picture and the tokens before it (paper 3.2, ITG). */
export function itg(p: Scope, config: Stage1Config, input: ItgInput) {
  const ids = decoderIds(input.ids, input.decoderToken)
  const { output } = generateAfterQueries(p, config, ids, input.mask, input.past, input.dropout)
  const [batch, tokens, width] = output.shape as [number, number, number]
  const labels = where(equal(ids, input.padToken), IGNORED, ids)
  const next = reshape(slice(labels, 1, 1, tokens), [batch * (tokens - 1)])
  const rows = reshape(slice(output, 1, 0, tokens - 1), [batch * (tokens - 1), width])
  const logits = languageHead(p.in('Qformer'), config.qformer, rows)
  return { hidden: output, labels: next, loss: crossEntropy(logits, next, { labelSmoothing: LABEL_SMOOTHING }) }
}
