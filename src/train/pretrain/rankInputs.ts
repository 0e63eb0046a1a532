import { float32, type Value } from '../../runtime/index.js'
import { type RankShare, partsOf } from '../comm/rankShare.js'

/** A rank's rows of a value of the whole batch; nothing is copied. [all, ...] -> [own, ...] */
export const ownRows = (value: Value, { own, first }: RankShare): Value => rowsOf(value, first, own)

/** Consecutive rows; nothing is copied. -> [count, ...] */
export function rowsOf({ dtype, shape: [rows, ...rest], data }: Value, first: number, count: number): Value {
  const size = data.length / rows!
  return { dtype, shape: [count, ...rest], data: data.subarray(first * size, (first + count) * size) } as Value
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

/** The rows from number `first` on, then those before it; copied. */
export function rotateRows(value: Value, first: number): Value {
  const rows = value.shape[0]!
  return pickRows(
    value,
    Array.from({ length: rows }, (_, i) => (first + i) % rows),
  )
}

/** Parts of [rows, ...] one after the other, as one. */
export function joinRows(parts: readonly Value<'float32'>[]): Value<'float32'> {
  const joined = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0))
  let offset = 0
  for (const { data } of parts) {
    joined.set(data, offset)
    offset += data.length
  }
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0)
  return float32([rows, ...parts[0]!.shape.slice(1)], joined)
}

/**
 * For each part of a rank's samples, what the mean over its labels is multiplied by, so that the mean over all parts of
 * all ranks is the mean over all labels.
 * @param labels 1 where a token of the whole batch counts, 0 elsewhere: [all, tokens]
 * @returns [parts]
 */
export function tokenWeights(labels: Uint8Array, share: RankShare, parts: number): Value<'float32'> {
  const tokens = labels.length / share.all
  const count = (counted: Uint8Array) => counted.reduce((sum, label) => sum + label, 0)
  const total = Math.max(1, count(labels))
  const weights = partsOf(share, parts).map(({ ranks, own, first }) => {
    const ofPart = count(labels.subarray(first * tokens, (first + own) * tokens))
    return (ranks * ofPart) / total
  })
  return float32([parts], Float32Array.from(weights))
}

/** What one part of a rank's samples is fed: its rows of every input, and its own 'token_weight' []. */
export function partFeeds(feeds: Readonly<Record<string, Value>>, part: number, parts: number): Record<string, Value> {
  const rows = Object.entries(feeds).map(([name, value]): [string, Value] => {
    const count = value.shape[0]! / parts
    return [name, rowsOf(value, part * count, count)]
  })
  const { token_weights: weight, ...rest } = Object.fromEntries(rows)
  return { ...rest, token_weight: { ...weight!, shape: [] } }
}
