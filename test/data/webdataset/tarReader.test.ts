import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTar, type TarMember } from '../../../src/data/webdataset/tarReader.js'
import { DataError } from '../../../src/errors.js'
import { collect, fixture } from '../fixture.js'
import { chunked, type Entry, writeTar } from './writeTar.js'

const members = (bytes: Uint8Array, lengths = [bytes.length]) =>
  collect(readTar(chunked(bytes, lengths), { name: 'test.tar' }))
const plain = (all: TarMember[]) => all.map(({ name, data }) => [name, Buffer.from(data).toString()])

/** Members before an error, and the error. */
async function untilError(bytes: Uint8Array) {
  const read: TarMember[] = []
  try {
    for await (const member of readTar(chunked(bytes, [700]), { name: 'test.tar' })) read.push(member)
  } catch (error) {
    return { read, error }
  }
  return { read, error: undefined }
}

describe('archives that tar itself wrote', () => {
  const long = `${'a-folder-with-a-name-of-some-length/'.repeat(4)}ünïcode-${'x'.repeat(90)}.Seg.PNG`

  it.each(['gnu', 'pax'])('reads files with long names, and passes over folders and links: %s', async (format) => {
    expect(plain(await members(await readFile(fixture(`tar-${format}.tar`)), [1000]))).toEqual([
      ['short.txt', 'short'],
      [long, 'png of the long name'],
      ['000000002.txt', 'the sea'],
    ])
  })

  it.each(['ustar', 'v7'])('reads %s', async (format) => {
    const found = plain(await members(await readFile(fixture(`tar-${format}.tar`)), [1, 511, 513]))
    expect(found).toEqual([
      ['short.txt', 'short'],
      ['000000002.txt', 'the sea'],
    ])
  })
})

describe('readTar', () => {
  it('gives offsets from which reading can start again', async () => {
    const bytes = await readFile(fixture('tar-gnu.tar'))
    const all = await members(bytes)
    for (const [i, { offset }] of all.entries()) {
      const rest = await collect(readTar(chunked(bytes.subarray(offset), [300]), { name: 'test.tar', from: offset }))
      expect(rest).toEqual(all.slice(i))
    }
    expect(all.map(({ next }) => next % 512)).toEqual([0, 0, 0])
  })

  it('reads what was written, in whatever chunks it arrives', async () => {
    const entry = fc.record({
      name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((name) => !/[/\0]/.test(name)),
      data: fc.uint8Array({ maxLength: 1500 }),
    })
    const lengths = fc.array(fc.integer({ min: 1, max: 1200 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 5 }), lengths, fc.boolean(), async (entries, lengths, end) => {
        const read = await members(writeTar(entries, { end }), lengths)
        expect(read.map(({ name, data }) => ({ name, data }))).toEqual(
          entries.map(({ name, data }) => ({ name, data: new Uint8Array(data) })),
        )
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('tells a truncated archive at every length, after the whole members before it', async () => {
    const bytes = writeTar(
      [
        { name: 'a.txt', data: 'x'.repeat(600) },
        { name: 'b.txt', data: 'y' },
      ],
      { end: false },
    )
    const [a, b] = await members(bytes)
    for (let length = 0; length < bytes.length; length += 37) {
      const { read, error } = await untilError(bytes.subarray(0, length))
      const whole = [a!.offset + 512 + 600, b!.offset + 512 + 1].filter((end) => length >= end).length
      expect(read).toHaveLength(whole)
      const betweenMembers = length === 0 || (whole === 1 && length <= a!.next) || whole === 2
      if (betweenMembers) expect(error, `length ${length}`).toBeUndefined()
      else expect(error, `length ${length}`).toMatchObject({ code: 'DATA', message: /truncated at byte/ })
    }
  })

  it('throws nothing but a DataError for damaged bytes', async () => {
    const bytes = await readFile(fixture('tar-pax.tar'))
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const damaged = Uint8Array.from(bytes)
        for (const [at, value] of changes) damaged[at] = value
        const { error } = await untilError(damaged)
        if (error !== undefined) expect(error).toBeInstanceOf(DataError)
      }),
      { seed: 2, numRuns: 300 },
    )
  })

  const pax = (record: string): Entry => ({ name: 'pax', type: 'x', data: record })
  it.each<[string, Entry[], RegExp]>([
    ['a record whose length is wrong', [pax('99 path=a\n'), { name: 'b' }], /byte 0: a record of wrong length/],
    ['a size that is none', [pax('12 size=abc\n'), { name: 'b' }], /a size of "abc"/],
    ['a sparse file', [pax('22 GNU.sparse.major=1\n'), { name: 'b' }], /b is a sparse file/],
    ['an old sparse file', [{ name: 'b', type: 'S' }], /b is a sparse file/],
    ['a name without end', [{ name: 'n', type: 'L', size: 2 ** 30 }], /a long name of 1073741824 bytes/],
    ['a file that is too large', [{ name: 'big', size: 2 ** 32 }], /big has 4294967296 bytes; expected at most/],
  ])('refuses %s', async (_, entries, message) => {
    await expect(members(writeTar(entries))).rejects.toThrow(message)
  })

  it('reads names and sizes of PAX records, and forgets them after the member', async () => {
    const entries = [
      { name: 'g', type: 'g', data: '19 comment=a\nb = c\n' },
      pax('17 path=d/é.jpg\n'),
      { name: 'x' },
      { name: 'y' },
    ]
    expect((await members(writeTar(entries))).map(({ name }) => name)).toEqual(['d/é.jpg', 'y'])
  })
})
