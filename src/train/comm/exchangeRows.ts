import { ShapeError } from '../../errors.js'
import type { Communicator } from './communicator.js'

/**
 * Rows of a table that is spread over the ranks, each holding as many: rank r has the rows from r * own to
 * (r + 1) * own - 1. Only the rows that are asked for travel.
 * @param own This rank's rows: [rows, width]
 * @param wanted Numbers of the rows this rank needs, in the whole table.
 * @returns [wanted, width]
 */
export async function exchangeRows(
  communicator: Communicator,
  own: Float32Array,
  width: number,
  wanted: Int32Array,
): Promise<Float32Array> {
  const { rank, size } = communicator
  const rows = own.length / width
  for (const row of wanted)
    if (row < 0 || row >= rows * size) throw new ShapeError(`row ${row} was asked for, there are ${rows * size}`)
  const ownerOf = (row: number) => Math.floor(row / rows)

  const everyone = await communicator.allGather(wanted)
  const wantedBy = (asker: number) => everyone.subarray(asker * wanted.length, (asker + 1) * wanted.length)
  const ranks = Array.from({ length: size }, (_, other) => other)
  const asked = ranks.map((asker) => [...wantedBy(asker)].filter((row) => ownerOf(row) === rank))
  const send = new Float32Array(asked.flat().length * width)
  asked.flat().forEach((row, i) => {
    const start = (row - rank * rows) * width
    send.set(own.subarray(start, start + width), i * width)
  })

  const owned = ranks.map((owner) => [...wanted.keys()].filter((i) => ownerOf(wanted[i]!) === owner))
  const counts = (parts: readonly unknown[][]) => parts.map((part) => part.length * width)
  const received = await communicator.allToAll(send, counts(asked), counts(owned))

  // They come by owner; each goes to the place where it was asked for.
  const found = new Float32Array(wanted.length * width)
  owned.flat().forEach((place, i) => {
    found.set(received.subarray(i * width, (i + 1) * width), place * width)
  })
  return found
}
