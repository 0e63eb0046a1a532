import type { Tensor } from '../graph/graph.js'
import * as g from '../graph/index.js'
import { normal, ones, type Scope, zeros } from './scope.js'

/** Standard deviation of new weights (BERT, OPT). */
export const INITIAL_STD = 0.02

/** x: [..., in] -> [..., out]; weight [out, in] as PyTorch has it. */
export function linear(p: Scope, x: Tensor, out: number, { bias = true, std = INITIAL_STD } = {}): Tensor {
  const width = x.size(-1) as number
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
