import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { WeightsError } from '../../../src/errors.js'
import { parseHeader, parseHeaderLength } from '../../../src/weights/safetensors/header.js'
import { DTYPE_BYTES, type SafetensorsDtype } from '../../../src/weights/safetensors/types.js'

interface Entry {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

const dtypes = fc.constantFrom(...(Object.keys(DTYPE_BYTES) as SafetensorsDtype[]))
const shapes = fc.array(fc.nat(5), { maxLength: 4 })
const bytesOf = (dtype: SafetensorsDtype, shape: readonly number[]) =>
  shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype] as number)

/** Headers of whole files: names with the entries in the order of their bytes, none of them empty. */
const headers = fc
  .uniqueArray(fc.tuple(fc.string({ maxLength: 8 }), dtypes, shapes), {
    selector: ([name]) => name,
    minLength: 2,
    maxLength: 8,
  })
  .map((tensors) => {
    let end = 0
    return tensors.flatMap(([name, dtype, shape]): [string, Entry][] => {
      const begin = end
      const sizes = shape.map((size) => size + 1)
      if (name === '__metadata__') return []
      end += bytesOf(dtype, sizes)
      return [[name, { dtype, shape: sizes, data_offsets: [begin, end] }]]
    })
  })

/** The text of a header, in any order of the names; an object would lose names held twice. */
const textOf = (entries: readonly (readonly [string, unknown])[]) =>
  `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',')}}`

const dataBytes = (entries: readonly [string, Entry][]) => entries.at(-1)?.[1].data_offsets[1] ?? 0

function parse(text: string, data: number) {
  const bytes = new TextEncoder().encode(text)
  return parseHeader(bytes, 8 + bytes.byteLength + data, 'f')
}

/** Changes one entry of a good header so that it is no longer one. */
type Damage = (entries: [string, Entry][], at: number, by: number) => [string, Entry][]
const change = (edit: (entry: Entry, by: number) => Entry): Damage => {
  return (entries, at, by) => entries.map(([name, entry], i) => [name, i === at ? edit(entry, by) : entry])
}

const damages: Record<string, Damage> = {
  'a name held twice': (entries, at) => [...entries, entries[at]!],
  'an entry that begins earlier': change((entry, by) => shift(entry, -by, 0)),
  'an entry that begins later': change((entry, by) => shift(entry, by, 0)),
  'an entry that ends earlier': change((entry, by) => shift(entry, 0, -by)),
  'an entry that ends later': change((entry, by) => shift(entry, 0, by)),
  'an entry that lies elsewhere': change((entry, by) => shift(entry, by, by)),
  'a longer shape': change((entry, by) => ({ ...entry, shape: [...entry.shape, by + 1] })),
  'an empty shape': change((entry) => ({ ...entry, shape: [...entry.shape, 0] })),
  'a shape that overflows': change((entry) => ({ ...entry, shape: [...entry.shape, 2 ** 40, 2 ** 40] })),
  'a shape that is not whole': change((entry, by) => ({ ...entry, shape: [...entry.shape, 1 / (by + 1)] })),
  'an unknown dtype': change((entry, by) => ({ ...entry, dtype: `${entry.dtype}${by}` })),
  'a dtype of another size': change((entry) => ({
    ...entry,
    dtype: DTYPE_BYTES[entry.dtype as SafetensorsDtype] === 8 ? 'U8' : 'F64',
  })),
  'a tensor left out': (entries, at) => entries.filter((_, i) => i !== at),
}

const shift = (entry: Entry, begin: number, end: number): Entry => {
  const [a, b] = entry.data_offsets
  return { ...entry, data_offsets: [a + begin, b + end] }
}

describe('parseHeader on random headers', () => {
  it('gives what was written, in any order', () => {
    fc.assert(
      fc.property(headers, fc.infiniteStream(fc.nat()), (entries, order) => {
        const keys = new Map(entries.map(([name]) => [name, order.next().value as number]))
        const shuffled = [...entries].sort(([a], [b]) => keys.get(a)! - keys.get(b)!)
        const { tensors } = parse(textOf(shuffled), dataBytes(entries))
        expect([...tensors].map(([name, { dtype, shape, byteLength }]) => [name, dtype, shape, byteLength])).toEqual(
          entries.map(
            ([
              name,
              {
                dtype,
                shape,
                data_offsets: [begin, end],
              },
            ]) => [name, dtype, shape, end - begin],
          ),
        )
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  it.each(Object.entries(damages))('refuses %s', (_, damage) => {
    fc.assert(
      fc.property(headers, fc.nat(), fc.integer({ min: 1, max: 1000 }), (entries, at, by) => {
        fc.pre(entries.length > 1)
        const damaged = damage(structuredClone(entries), at % entries.length, by)
        expect(() => parse(textOf(damaged), dataBytes(entries))).toThrow(WeightsError)
      }),
      { numRuns: 100, seed: 1 },
    )
  })

  it('refuses any JSON that is not such a header', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const value: unknown = JSON.parse(json)
        fc.pre(
          !(typeof value === 'object' && value !== null && Object.keys(value).length === 0) || Array.isArray(value),
        )
        expect(() => parse(json, 0)).toThrow(WeightsError)
      }),
      { numRuns: 300, seed: 1 },
    )
  })

  it('refuses every length that the file does not have', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(1000), (length, fileBytes) => {
        const prefix = new Uint8Array(8)
        new DataView(prefix.buffer).setBigUint64(0, length, true)
        if (length + 8n <= BigInt(fileBytes)) expect(parseHeaderLength(prefix, fileBytes, 'f')).toBe(Number(length))
        else expect(() => parseHeaderLength(prefix, fileBytes, 'f')).toThrow(WeightsError)
      }),
      { seed: 1 },
    )
  })
})
