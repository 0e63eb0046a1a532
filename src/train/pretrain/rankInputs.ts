import { float32, type Value } from '../../runtime/index.js'
import type { RankShare } from '../comm/rankShare.js'

/** A rank's rows of a value of the whole batch; nothing is copied. [all, ...] -> [own, ...] */
export function ownRows({ dtype, shape, data }: Value, { all, own, first }: RankShare): Value {
  const size = data.length / all
  return { dtype, shape: [own, ...shape.slice(1)], data: data.subarray(first * size, (first + own) * size) } as Value
}

/** Rows by number, copied. -> [numbers, ...] */
export function pickRows({ dtype, shape, data }: Value, numbers: readonly number[]): Value {
  const size = data.length / shape[0]!
  const picked = data.slice(0, numbers.length * size)
  numbers.forEach((row, i) => {
    picked.set(data.subarray(row * size, (row + 1) * size) as never, i * size)
  })
  return { dtype, shape: [numbers.length, ...shape.slice(1)], data: picked } as Value
}

/**
 * What a rank's mean over its labels is multiplied by, so that the mean over the ranks is the mean over all labels.
 * @param labels 1 where a token of the whole batch counts, 0 elsewhere: [all, tokens]
 */
export function tokenWeight(labels: Uint8Array, { all, own, first, ranks }: RankShare): Value<'float32'> {
  const tokens = labels.length / all
  const count = (counted: Uint8Array) => counted.reduce((sum, label) => sum + label, 0)
  const ofRank = count(labels.subarray(first * tokens, (first + own) * tokens))
  return float32([], Float32Array.of((ranks * ofRank) / Math.max(1, count(labels))))
}
