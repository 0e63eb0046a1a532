import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { WeightsError } from '../../../src/errors.js'
import { findDuplicateKey } from '../../../src/weights/safetensors/duplicateKey.js'
import { parseHeader, parseHeaderLength } from '../../../src/weights/safetensors/header.js'

const F32_PAIR = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }

/** Parses `header` as the header of a file with `dataBytes` bytes of data. */
function parse(header: unknown, dataBytes: number) {
  const bytes = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  return parseHeader(bytes, 8 + bytes.byteLength + dataBytes, 'model.safetensors')
}

function lengthPrefix(length: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, length, true)
  return bytes
}

describe('parseHeader', () => {
  it('gives absolute offsets, in the order of the bytes', () => {
    const header = {
      b: { dtype: 'I64', shape: [], data_offsets: [8, 16] },
      a: F32_PAIR,
      __metadata__: { format: 'pt' },
    }
    const { metadata, tensors } = parse(header, 16)
    const start = 8 + JSON.stringify(header).length
    expect(metadata).toEqual({ format: 'pt' })
    expect([...tensors.keys()]).toEqual(['a', 'b'])
    expect(tensors.get('b')).toEqual({
      file: 'model.safetensors',
      dtype: 'I64',
      shape: [],
      byteOffset: start + 8,
      byteLength: 8,
    })
  })

  it('takes empty files, empty tensors and names that are special to JavaScript', () => {
    expect(parse({}, 0).tensors.size).toBe(0)
    const empty = { dtype: 'F32', shape: [0, 2 ** 40, 2 ** 40], data_offsets: [8, 8] }
    const tensors = parse(`{"__proto__":${JSON.stringify(F32_PAIR)},"constructor":${JSON.stringify(empty)}}`, 8).tensors
    expect([...tensors.keys()]).toEqual(['__proto__', 'constructor'])
  })

  it.each([
    ['bytes that are not JSON', '{"a": ', 0, /not valid JSON/],
    ['a header that is no object', [], 0, /must be a JSON object/],
    [
      'a name held twice',
      `{"a":${JSON.stringify(F32_PAIR)},"\\u0061":${JSON.stringify(F32_PAIR)}}`,
      8,
      /key "a" twice/,
    ],
    ['a field held twice', '{"a":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}', 8, /"dtype" twice/],
    ['metadata that are not strings', { __metadata__: { step: 3 } }, 0, /__metadata__ must map names to strings/],
    ['an entry that is no object', { a: 3 }, 0, /tensor "a": its header entry is not an object/],
    ['an unknown dtype', { a: { ...F32_PAIR, dtype: 'toString' } }, 8, /tensor "a": unknown dtype "toString"/],
    ['a fractional size', { a: { ...F32_PAIR, shape: [1.5] } }, 8, /tensor "a": its shape \[1\.5\]/],
    ['a negative size', { a: { ...F32_PAIR, shape: [-2] } }, 8, /tensor "a": its shape \[-2\]/],
    ['no shape', { a: { dtype: 'F32', data_offsets: [0, 8] } }, 8, /tensor "a": its shape undefined/],
    [
      'a shape that overflows',
      { a: { ...F32_PAIR, shape: [2 ** 30, 2 ** 30] } },
      8,
      /tensor "a": its shape .* overflows/,
    ],
    ['offsets that are no integers', { a: { ...F32_PAIR, data_offsets: ['0', 8] } }, 8, /data_offsets \["0",8\]/],
    ['three offsets', { a: { ...F32_PAIR, data_offsets: [0, 4, 8] } }, 8, /data_offsets \[0,4,8\]/],
    ['offsets in reverse', { a: { ...F32_PAIR, data_offsets: [8, 0] } }, 8, /end at 0, before they begin at 8/],
    ['offsets that disagree with the shape', { a: { ...F32_PAIR, shape: [3] } }, 8, /takes 12 bytes, but .* span 8/],
    ['an overlap', { a: F32_PAIR, b: { ...F32_PAIR, data_offsets: [4, 12] } }, 12, /tensor "b" begins .* inside/],
    ['a gap', { a: F32_PAIR, b: { ...F32_PAIR, data_offsets: [12, 20] } }, 20, /tensor "b" begins .* gap/],
    ['data beyond the end', { a: F32_PAIR }, 7, /tensor "a" ends .* truncated/],
    ['data that belong to no tensor', { a: F32_PAIR }, 9, /1 bytes after the last tensor/],
  ])('refuses %s', (_, header, dataBytes, message) => {
    expect(() => parse(header, dataBytes)).toThrow(WeightsError)
    expect(() => parse(header, dataBytes)).toThrow(message)
    expect(() => parse(header, dataBytes)).toThrow(/^model\.safetensors: /)
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseHeader(Uint8Array.of(0x7b, 0xff, 0x7d), 11, 'f')).toThrow(/not valid JSON/)
  })
})

describe('parseHeaderLength', () => {
  it.each([
    ['no room for the length', new Uint8Array(3), 3, /at least 8 bytes, this one has 3/],
    ['a length above the limit', lengthPrefix(2n ** 63n), 100, /above the format's limit/],
    ['a length beyond the file', lengthPrefix(93n), 100, /ends after 100; it is truncated/],
  ])('refuses %s', (_, prefix, fileBytes, message) => {
    expect(() => parseHeaderLength(prefix, fileBytes, 'f')).toThrow(message)
  })

  it('takes a header that fills the file', () => {
    expect(parseHeaderLength(lengthPrefix(92n), 100, 'f')).toBe(92)
  })
})

describe('findDuplicateKey', () => {
  it('finds none in what JSON.stringify writes, whatever the strings', () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (json, indented) => {
        const text = indented ? JSON.stringify(JSON.parse(json), null, '\t') : json
        expect(findDuplicateKey(JSON.stringify(JSON.parse(text)))).toBeUndefined()
      }),
    )
  })

  it('finds a repeated key at any depth, and no repeated value', () => {
    expect(findDuplicateKey('{"a": ["a", "a", {"b\\"" : 1, "b\\"" :2}]}')).toBe('b"')
    expect(findDuplicateKey('[{"a":1},{"a":{"a":"a"}}]')).toBeUndefined()
  })
})
