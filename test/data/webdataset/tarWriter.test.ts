import { expect, it } from 'vitest'
import { readTar } from '../../../src/data/webdataset/tarReader.js'
import { TAR_END, tarMember } from '../../../src/data/webdataset/tarWriter.js'
import { DataError } from '../../../src/errors.js'
import { collect } from '../fixture.js'

async function* chunks(...parts: Uint8Array[]) {
  yield* parts
}

it('writes what the reader reads', async () => {
  const files = [0, 1, 511, 512, 513, 5000].map((length) => ({
    name: `${length}.bin`,
    data: Uint8Array.from({ length }, (_, i) => i % 251),
  }))
  const archive = chunks(...files.map(({ name, data }) => tarMember(name, data)), TAR_END)
  const members = await collect(readTar(archive, { name: 'x' }))
  expect(members.map(({ name, data }) => ({ name, data }))).toEqual(files)
})

it('refuses names that its form does not hold', () => {
  for (const name of ['', 'a'.repeat(101), 'ä.txt', 'a\nb'])
    expect(() => tarMember(name, new Uint8Array())).toThrow(DataError)
})
