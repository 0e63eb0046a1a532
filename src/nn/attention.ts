import type { Tensor } from '../graph/graph.js'
import { add, cast, matmul, mul, reshape, type Shape, softmax, sub, transpose, where } from '../graph/index.js'

/** Added to the scores of masked keys in BERT and the Q-Former. */
export const BERT_MASK = -10_000
/** Added to the scores of masked keys in OPT: the most negative float32, so that masked scores vanish entirely. */
export const OPT_MASK = -3.4028234663852886e38

/** [batch, tokens, width] -> [batch, heads, tokens, width / heads] */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number]
  return transpose(reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3])
}

/** [batch, heads, tokens, size] -> [batch, tokens, heads * size] */
export function mergeHeads(x: Tensor): Tensor {
  const [batch, heads, tokens, size] = x.shape as [number, number, number, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, tokens, heads * size])
}

export interface Attended {
  /** [batch, heads, queries, size] */
  readonly output: Tensor
  /** [batch, heads, queries, keys] */
  readonly probabilities: Tensor
}

/**
 * Scaled dot-product attention.
 * query: [batch, heads, queries, size], key and value: [batch, heads, keys, size]
 * bias: added to the scores, broadcastable to [batch, heads, queries, keys]
 */
export function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  bias?: Tensor,
  dropout: (x: Tensor) => Tensor = (x) => x,
): Attended {
  const size = query.size(-1) as number
  const scores = matmul(query, key, { transposeB: true, alpha: 1 / Math.sqrt(size) })
  const probabilities = softmax(bias ? add(scores, bias) : scores)
  return { output: matmul(dropout(probabilities), value), probabilities }
}

/** Score bias that hides padding. mask: int64 [batch, keys], 1 for real tokens -> float [batch, 1, 1, keys] */
export function paddingBias(mask: Tensor, masked: number): Tensor {
  const [batch, keys] = mask.shape as [number, number]
  return reshape(mul(sub(1, cast(mask, 'float32')), masked), [batch, 1, 1, keys])
}

/**
 * Score bias for a causal decoder: each token sees itself and the tokens before it that are not padding.
 * mask: int64 [batch, tokens] -> float [batch, 1, tokens, tokens]
 */
export function causalBias(mask: Tensor, masked: number): Tensor {
  const [batch, tokens] = mask.shape as [number, number]
  const lower = new Uint8Array(tokens * tokens)
  for (let row = 0; row < tokens; row++) lower.fill(1, row * tokens, row * tokens + row + 1)
  const causal = cast(mask.graph.constant(lower, [1, 1, tokens, tokens]), 'float32')
  const visible = mul(causal, cast(reshape(mask, [batch, 1, 1, tokens]), 'float32'))
  return where(cast(visible, 'bool'), 0, masked)
}

/** Ones for `length` tokens that are always visible, in front of a mask. mask: int64 [batch, tokens] */
export const onesLike = (graph: Tensor['graph'], shape: Shape): Tensor => {
  const sizes = shape as readonly number[]
  return graph.constant(new BigInt64Array(sizes.reduce((a, b) => a * b, 1)).fill(1n), sizes)
}
