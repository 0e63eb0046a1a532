import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pictureFiles } from '../../src/cli/pictureFiles.js'
import { ConfigError, DataError } from '../../src/errors.js'

let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-files-'))
  await mkdir(join(parent, 'in', 'deep'), { recursive: true })
  await mkdir(join(parent, '.hidden'))
  for (const name of ['a1.png', 'a2.PNG', 'b.jpg', 'b+c.webp', 'notes.txt', '[x].png', 'in/c.png', 'in/deep/d.jpeg'])
    await writeFile(join(parent, name), '')
  await writeFile(join(parent, '.hidden', 'e.png'), '')
})
afterAll(() => rm(parent, { recursive: true }))

const found = async (...args: string[]) =>
  (await pictureFiles(args.map((arg) => join(parent, arg)))).map((file) => relative(parent, file))

it('takes a file for itself, there or not, and an address too', async () => {
  expect(await found('b.jpg', 'none.png', 'notes.txt', '[x].png')).toEqual([
    'b.jpg',
    'none.png',
    'notes.txt',
    '[x].png',
  ])
  expect(await pictureFiles(['https://a.b/c?d=*'])).toEqual(['https://a.b/c?d=*'])
})

it('says what is no pattern', async () => {
  await expect(found('[z-a].png')).rejects.toThrow(ConfigError)
})

it('takes a folder for the pictures in it and below', async () => {
  expect(await found('in')).toEqual(['in/c.png', 'in/deep/d.jpeg'])
  await mkdir(join(parent, 'empty'), { recursive: true })
  await expect(found('empty')).rejects.toThrow(DataError)
})

it.each([
  ['*.png', ['[x].png', 'a1.png']],
  ['a?.*', ['a1.png', 'a2.PNG']],
  ['a[12].png', ['a1.png']],
  ['[!a]*.{jpg,webp}', ['b+c.webp', 'b.jpg']],
  ['b+*', ['b+c.webp']],
  ['*/c.png', ['in/c.png']],
  ['in/**', ['in/c.png', 'in/deep/d.jpeg']],
  ['**/*.jp{,e}g', ['b.jpg', 'in/deep/d.jpeg']],
])('takes the pattern %s for what it fits', async (pattern, expected) => {
  expect(await found(pattern)).toEqual(expected)
})

it('says what fits nothing', async () => {
  await expect(found('*.gif')).rejects.toThrow(/no pictures fit the pattern .*\*\.gif/)
  await expect(found('nowhere/*.png')).rejects.toThrow(DataError)
})
