import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { runCommand } from './runCommand.js'

let parent: string
const file = (name: string) => join(parent, name)
const index = () => file('album.lance')

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-index-'))
  await writeTinyModel(file('tiny'))
  await mkdir(file('photos/deeper'), { recursive: true })
  for (const [name, background] of [
    ['a.png', '#ff0000'],
    ['b.png', '#00ff00'],
    ['deeper/c.png', '#0000ff'],
  ] as const)
    await sharp({ create: { width: 20, height: 20, channels: 3, background } }).toFile(file(`photos/${name}`))
})
afterAll(() => rm(parent, { recursive: true }))

describe('index', () => {
  it('makes an index, then brings it up to date with the model it was made with', async () => {
    const made = await runCommand(['index', file('photos'), '--out', index(), '--model', file('tiny')])
    expect(made).toEqual({
      code: 0,
      err: '',
      out: `${index()}: 3 pictures (3 added, 0 changed, 0 removed, 0 unchanged)\n`,
    })
    await writeFile(file('photos/bad.jpg'), 'no picture')
    const again = await runCommand(['index', file('photos'), '--out', index(), '--json'])
    expect(again.code).toBe(1)
    expect(JSON.parse(again.out)).toMatchObject({ index: index(), pictures: 3, added: 0, unchanged: 3, broken: 1 })
    expect(again.err).toMatch(/^skipped: .*bad\.jpg: cannot decode.*\nblip2: 1 pictures could not be read\n$/)
    await rm(file('photos/bad.jpg'))
  })

  it('tells the terminal how far it is', async () => {
    const args = ['index', file('photos'), '--out', file('watched.lance'), '--model', file('tiny')]
    const { err } = await runCommand(args, { interactive: true })
    expect(err).toContain('indexing pictures: 3 of 3')
  })

  it.each([
    [['photos', '--out', 'album'], 2, /--out needs a name that ends in \.lance/],
    [['photos'], 2, /required option '--out <index>' not specified/],
    [['none', '--out', 'album.lance'], 1, /cannot index .*none: ENOENT/],
  ])('refuses %o', async (args, code, message) => {
    const paths = args.map((arg) => (['photos', 'none', 'album.lance'].includes(arg) ? file(arg) : arg))
    const result = await runCommand(['index', ...paths])
    expect(result).toMatchObject({ code, out: '', err: expect.stringMatching(message) })
  })
})

describe('search of an index', () => {
  it('lists the best pictures for a text, re-ranked where asked for', async () => {
    const plain = await runCommand(['search', index(), 'octopus', '--top', '2'])
    expect(plain).toMatchObject({ code: 0, err: '' })
    expect(plain.out).toMatch(/^itc\timage\n(-?0\.\d{4}\t.*\.png\n){2}$/)
    const { code, out } = await runCommand(['search', index(), 'octopus', '--rerank', '2', '--json'])
    expect(code).toBe(0)
    const found = JSON.parse(out)
    expect(found).toHaveLength(3)
    expect(found[0]).toEqual({
      image: expect.stringMatching(/^\/.*png$/),
      itm: expect.any(Number),
      itc: expect.any(Number),
    })
    expect(found[2]).not.toHaveProperty('itm')
  })

  it('lists pictures like a picture', async () => {
    const { out } = await runCommand(['search', index(), '--like', file('photos/a.png')])
    expect(out).toMatch(/^similarity\timage\n(0\.\d{4}\t.*[bc]\.png\n){2}$/)
  })

  it('lists duplicates', async () => {
    await mkdir(file('twins'))
    for (const name of ['one.png', 'two.png'])
      await sharp('assets/demo/noto-v1-octopus.png').toFile(file(`twins/${name}`))
    await runCommand(['index', file('twins'), '--out', file('twins.lance'), '--model', file('tiny')])
    const { out } = await runCommand(['search', file('twins.lance'), '--duplicates'])
    expect(out).toMatch(/^1\.0000\t\d+\t.*one\.png\n1\.0000\t\d+\t.*two\.png\n\n$/)
    const json = await runCommand(['search', file('twins.lance'), '--duplicates', '--json'])
    expect(JSON.parse(json.out)).toEqual([
      [
        { image: file('twins/one.png'), bytes: expect.any(Number), similarity: 1 },
        { image: file('twins/two.png'), bytes: expect.any(Number), similarity: 1 },
      ],
    ])
  })

  it.each([
    [['album.lance'], /give a text, or --like <image>, or --duplicates/],
    [['album.lance', 'octopus', '--duplicates'], /give a text, or --like <image>, or --duplicates/],
    [['album.lance', 'red', 'apple'], /put it in quotes/],
    [['octopus'], /missing required argument 'image'/],
    [['octopus', 'photos', '--rerank', '3'], /--rerank needs an index/],
    [['album.lance', 'octopus', '--model', 'models/emoji'], /was made with another model/],
  ])('refuses %o', async (args, message) => {
    const result = await runCommand(['search', ...args.map((arg) => (arg === 'album.lance' ? index() : arg))])
    expect(result).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
  })

  it('says so where there is no index', async () => {
    const { code, err } = await runCommand(['search', file('none.lance'), 'octopus'])
    expect(code).toBe(1)
    expect(err).toMatch(/none\.lance is not a picture index \(ENOENT\); make one with "blip2 index photos\/ --out/)
  })
})
