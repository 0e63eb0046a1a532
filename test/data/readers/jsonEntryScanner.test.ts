import fc from 'fast-check'
import { expect, it } from 'vitest'
import { JsonEntryScanner } from '../../../src/data/readers/jsonEntryScanner.js'
import { DataError } from '../../../src/errors.js'

function scan(text: string, chunk = text.length || 1) {
  const bytes = Buffer.from(text)
  const scanner = new JsonEntryScanner('test.json')
  const entries = []
  for (let at = 0; at < bytes.length; at += chunk) entries.push(...scanner.push(bytes.subarray(at, at + chunk)))
  scanner.end()
  return entries
}

const spaces = fc.constantFrom(undefined, 0, 1, 3)
const chunk = fc.integer({ min: 1, max: 30 })

it('finds what JSON.parse finds in a list, in whatever chunks it arrives', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), spaces, chunk, (values, space, chunk) => {
      const entries = scan(JSON.stringify(values, undefined, space), chunk)
      expect(entries.map(({ value }) => value)).toEqual(JSON.parse(JSON.stringify(values)))
      expect(entries.map(({ index }) => index)).toEqual(values.map((_, i) => i))
    }),
    { seed: 1 },
  )
})

it('finds the elements of the arrays of an object', () => {
  const object = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())))
  fc.assert(
    fc.property(object, spaces, chunk, (object, space, chunk) => {
      const text = JSON.stringify(object, undefined, space)
      const expected = Object.entries(JSON.parse(text) as object).flatMap(([array, value]) =>
        Array.isArray(value) ? value.map((value, index) => ({ array, index, value })) : [],
      )
      expect(scan(text, chunk).map(({ place: _, ...entry }) => entry)).toEqual(expected)
    }),
    { seed: 2 },
  )
})

it('says on which line an element begins', () => {
  expect(scan('{\n "a": [1,\n\n  {"b":\n 2}, "x"]}').map(({ place }) => place)).toEqual([
    'test.json, line 2: a[0]',
    'test.json, line 4: a[1]',
    'test.json, line 5: a[2]',
  ])
})

it('never takes a truncated file for a whole one', () => {
  const text = JSON.stringify({ info: { a: '}]"\\' }, images: [{ id: 1, tags: ['x'] }, 'y'], n: 12 })
  for (let length = 0; length < text.length; length++) expect(() => scan(text.slice(0, length))).toThrow(DataError)
  expect(scan(text)).toHaveLength(2)
})
