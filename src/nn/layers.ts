import type { Tensor } from '../graph/graph.js'
import * as g from '../graph/index.js'
import { normal, ones, type Scope, zeros } from './scope.js'

/** Standard deviation of new embeddings (BERT, OPT). */
export const INITIAL_STD = 0.02
const BERT_WIDTH = 768

/** Standard deviation of a new weight: BERT's 0.02 at its width, the same gain of the product at others. */
const gainStd = (width: number): number => INITIAL_STD * Math.sqrt(BERT_WIDTH / width)

/** x: [..., in] -> [..., out]; weight [out, in] as PyTorch has it. */
export function linear(p: Scope, x: Tensor, out: number, options: { bias?: boolean; std?: number } = {}): Tensor {
  const width = x.size(-1) as number
  const { bias = true, std = gainStd(width) } = options
  const weight = p.parameter('weight', [out, width], normal(std))
  return p.draw(() => g.linear(x, weight, bias ? p.parameter('bias', [out], zeros) : undefined))
}

export function layerNorm(p: Scope, x: Tensor, epsilon: number): Tensor {
  const width = x.size(-1) as number
  return p.draw(() =>
    g.layerNorm(x, p.parameter('weight', [width], ones), p.parameter('bias', [width], zeros), epsilon),
  )
}

/** ids: int64 [...] -> [..., width] */
export const embedding = (p: Scope, ids: Tensor, entries: number, width: number): Tensor =>
  p.draw(() => g.embedding(embeddingTable(p, entries, width), ids))

export const embeddingTable = (p: Scope, entries: number, width: number): Tensor =>
  p.parameter('weight', [entries, width], normal(INITIAL_STD))
