import { int64, type Value } from '../../runtime/index.js'
import { IGNORED } from '../objectives/itg.js'
import type { TextPair } from './spanCorruption.js'

export interface PairLengths {
  readonly inputTokens: number
  readonly outputTokens: number
}

/** Pairs of texts as T5's objectives are fed them, padded on the right. What is longer is cut; its end token stays. */
export function pairInputs(
  pairs: readonly TextPair[],
  { inputTokens, outputTokens }: PairLengths,
  padToken: number,
): Readonly<Record<'input_ids' | 'input_mask' | 'output_mask' | 'targets', Value>> {
  const inputs = padded(
    pairs.map(({ input }) => input),
    inputTokens,
    padToken,
  )
  const targets = padded(
    pairs.map(({ target }) => target),
    outputTokens,
    IGNORED,
  )
  return { input_ids: inputs.ids, input_mask: inputs.mask, output_mask: targets.mask, targets: targets.ids }
}

function padded(rows: readonly (readonly number[])[], length: number, fill: number) {
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(fill))
  const mask = new BigInt64Array(ids.length)
  rows.forEach((row, r) => {
    const cut = row.length > length ? [...row.slice(0, length - 1), row.at(-1)!] : row
    cut.forEach((id, i) => {
      ids[r * length + i] = BigInt(id)
      mask[r * length + i] = 1n
    })
  })
  return { ids: int64([rows.length, length], ids), mask: int64([rows.length, length], mask) }
}
