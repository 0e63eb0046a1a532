import { copyFile, mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Blip2, ConfigError, DataError, DisposedError, PictureIndex } from '../../src/index.js'
import { cosine } from '../../src/tasks/retriever.js'
import { picture } from '../tasks/picture.js'
import { writeTinyModel } from '../tasks/tinyModel.js'

let parent: string
let model: Blip2
const file = (name: string) => join(parent, name)
const LONG_AGO = new Date(2020, 1, 1)

/** A picture file of random colours, written long ago. */
async function write(name: string, seed: number): Promise<void> {
  const { data, width, height } = picture(seed)
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(file(name))
  await utimes(file(name), LONG_AGO, LONG_AGO)
}

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-index-'))
  await writeTinyModel(file('model'))
  model = await Blip2.fromPretrained(file('model'))
  await mkdir(file('photos/deep'), { recursive: true })
  for (const [i, name] of ['a', 'b', 'deep/c', 'deep/d', "deep/it's"].entries()) await write(`photos/${name}.png`, i)
  await writeFile(file('photos/notes.txt'), 'no picture')
})
afterAll(async () => {
  await model.dispose()
  await rm(parent, { recursive: true })
})

describe('search', () => {
  it('gives the ITC score of every picture, best first', async () => {
    using index = await PictureIndex.create(file('search.lance'), model, { name: 'tiny' })
    expect(index.modelName).toBe('tiny')
    expect(await index.search(model, 'octopus')).toEqual([])
    await index.update(model, [file('photos')])
    const found = await index.search(model, 'octopus', { top: 5 })
    const text = await model.embedText('octopus')
    for (const { path, itc } of found) expect(itc).toBeCloseTo(cosine(await model.embedImage(path), text), 5)
    expect(found).toHaveLength(5)
    expect(found.map(({ itc }) => itc)).toEqual(found.map(({ itc }) => itc).sort((a, b) => b - a))
    expect(await index.search(model, 'octopus', { top: 2, exact: true })).toEqual(found.slice(0, 2))
  })

  it('orders the best anew by ITM logit + ITC cosine', async () => {
    using index = await PictureIndex.open(file('search.lance'))
    const found = await index.search(model, 'octopus', { top: 5, rerank: 3 })
    const best = (await index.search(model, 'octopus', { top: 3 })).map(({ path }) => path)
    expect(
      found
        .slice(0, 3)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(best.sort())
    const scores: number[] = []
    for (const { path, itc, itm } of found.slice(0, 3)) {
      const [[no, yes]] = (await model.matchLogits([[await model.encode(path), 'octopus']])) as [[number, number]]
      expect(itm).toBeCloseTo(1 / (1 + Math.exp(no - yes)), 5)
      scores.push(yes + itc)
    }
    expect(scores).toEqual(scores.sort((a, b) => b - a))
    expect(found.slice(3).map(({ itm }) => itm)).toEqual([undefined, undefined])
  })

  it('leaves out candidates that are gone, and tells of them', async () => {
    using index = await PictureIndex.open(file('search.lance'))
    await rename(file('photos/a.png'), file('elsewhere.png'))
    const broken: string[] = []
    const found = await index.search(model, 'octopus', { rerank: 5, onBroken: (path) => broken.push(path) })
    await rename(file('elsewhere.png'), file('photos/a.png'))
    expect(broken).toEqual([file('photos/a.png')])
    expect(found).toHaveLength(4)
  })

  it('finds the pictures like a picture', async () => {
    using index = await PictureIndex.open(file('search.lance'))
    await copyFile(file('photos/b.png'), file('asked.png'))
    const [first, second] = await index.similar(model, file('asked.png'))
    expect(first).toEqual({ path: file('photos/b.png'), similarity: expect.closeTo(1, 5) })
    expect(second!.similarity).toBeLessThan(0.999)
    const others = await index.similar(model, file('photos/b.png'), { top: 4 })
    expect(others.map(({ path }) => path)).not.toContain(file('photos/b.png'))
    expect(others).toHaveLength(4)
  })
})

it('shows an open handle what another has written since, and leaves it what it reads', async () => {
  using reader = await PictureIndex.create(file('shared.lance'), model)
  using writer = await PictureIndex.open(file('shared.lance'))
  expect(await reader.count()).toBe(0)
  await writer.update(model, [file('photos/deep')])
  await writer.update(model, [file('photos')])
  await vi.waitFor(async () => expect(await reader.count()).toBe(5), { timeout: 5000, interval: 200 })
  const [found] = await reader.similar(model, file('photos/b.png'), { top: 5 })
  expect(found!.path).not.toBe(file('photos/b.png'))
})

describe('update', () => {
  it('reads what is new or changed, and takes out what is gone', async () => {
    using index = await PictureIndex.create(file('update.lance'), model)
    const nothing = { added: 0, changed: 0, removed: 0, unchanged: 0, broken: 0 }
    expect(await index.update(model, [file('photos')])).toEqual({ ...nothing, added: 5 })
    const read: number[] = []
    const onProgress = (done: number) => read.push(done)
    expect(await index.update(model, [file('photos')], { onProgress })).toEqual({ ...nothing, unchanged: 5 })
    expect(read).toEqual([])
    await write('photos/e.png', 9)
    await rename(file('photos/deep/d.png'), file('photos/moved.png'))
    await write('photos/b.png', 8)
    await utimes(file('photos/b.png'), LONG_AGO, new Date(2021, 1, 1))
    await utimes(file('photos/a.png'), LONG_AGO, new Date(2022, 1, 1))
    expect(await index.update(model, [file('photos')])).toEqual({
      ...nothing,
      added: 2,
      changed: 1,
      removed: 1,
      unchanged: 3,
    })
    expect(await index.count()).toBe(6)
    for (const { path, similarity } of [
      ...(await index.similar(model, picture(8), { top: 1 })),
      ...(await index.similar(model, picture(3), { top: 1 })),
    ]) {
      expect(similarity).toBeCloseTo(1, 5)
      expect([file('photos/b.png'), file('photos/moved.png')]).toContain(path)
    }
    await rm(file('photos/e.png'))
    await rename(file('photos/moved.png'), file('photos/deep/d.png'))
    await write('photos/b.png', 1)
  })

  it('keeps pictures of other folders', async () => {
    using index = await PictureIndex.create(file('folders.lance'), model)
    await index.update(model, [file('photos/deep')])
    expect(await index.update(model, [file('photos/a.png')])).toMatchObject({ added: 1, removed: 0 })
    expect(await index.count()).toBe(4)
  })

  it('reports files that are no pictures and indexes the rest', async () => {
    using index = await PictureIndex.create(file('broken.lance'), model)
    await mkdir(file('mixed'))
    await write('mixed/good.png', 1)
    await write('mixed/turns.png', 2)
    await writeFile(file('mixed/bad.png'), 'no picture')
    const broken: string[] = []
    const onBroken = (path: string, error: Error) => broken.push(`${path}: ${error.message}`)
    expect(await index.update(model, [file('mixed')], { onBroken })).toMatchObject({ added: 2, broken: 1 })
    expect(broken).toEqual([expect.stringMatching(/bad\.png: .*bad\.png: cannot decode/)])
    await writeFile(file('mixed/turns.png'), 'no picture any more')
    expect(await index.update(model, [file('mixed')])).toMatchObject({ removed: 1, broken: 2 })
    expect(await index.count()).toBe(1)
  })

  it('keeps what was done when it is stopped, and goes on from there', async () => {
    await mkdir(file('many'))
    for (let i = 0; i < 20; i++) await write(`many/${i}.png`, 100 + i)
    using index = await PictureIndex.create(file('stopped.lance'), model)
    const stop = new AbortController()
    const update = index.update(model, [file('many')], { signal: stop.signal, onProgress: () => stop.abort() })
    await expect(update).rejects.toThrow(/abort/i)
    const kept = await index.count()
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThan(20)
    using again = await PictureIndex.open(file('stopped.lance'))
    expect(await again.update(model, [file('many')])).toMatchObject({ added: 20 - kept, unchanged: kept })
    expect(await again.count()).toBe(20)
  })

  it('reads a file again that was written while it was indexed', async () => {
    using index = await PictureIndex.create(file('racy.lance'), model)
    await mkdir(file('racy'))
    await write('racy/a.png', 1)
    const now = new Date()
    await utimes(file('racy/a.png'), now, now)
    await index.update(model, [file('racy')])
    let read = 0
    const onProgress = () => read++
    expect(await index.update(model, [file('racy')], { onProgress })).toMatchObject({ unchanged: 1 })
    expect(read).toBe(1)
  })
})

describe('duplicates', () => {
  it('are copies, also smaller or compressed anew, and not other pictures', async () => {
    await mkdir(file('copies'))
    const large = sharp('assets/demo/noto-v1-octopus.png').flatten({ background: '#fff' })
    await large.clone().resize(256).png().toFile(file('copies/octopus.png'))
    await copyFile(file('copies/octopus.png'), file('copies/same.png'))
    await large.clone().resize(256).jpeg({ quality: 60 }).toFile(file('copies/compressed.jpg'))
    await large.clone().resize(100).webp().toFile(file('copies/small.webp'))
    for (const other of ['noto-v1-guitar', 'streamline-snowman', 'streamline-sunflower'])
      await sharp(`assets/demo/${other}.png`)
        .flatten({ background: '#fff' })
        .toFile(file(`copies/${other}.png`))
    using index = await PictureIndex.create(file('copies.lance'), model)
    await index.update(model, [file('copies')])
    const groups = await index.duplicates({ similarity: 0.9 })
    expect(groups.map((group) => group.map(({ path }) => path.split('/').at(-1)))).toEqual([
      ['octopus.png', 'same.png', 'compressed.jpg', 'small.webp'],
    ])
    expect(groups[0]!.slice(0, 2).map(({ similarity }) => similarity)).toEqual([1, 1])
  })
})

describe('refuses', () => {
  it("another model's index", async () => {
    await writeTinyModel(file('other'), undefined, { maxPositions: 40 })
    const config = JSON.parse(await (await import('node:fs/promises')).readFile(file('other/config.json'), 'utf8'))
    await writeFile(file('other/config.json'), JSON.stringify({ ...config, mean: [0.1, 0.5, 0.9] }))
    await using other = await Blip2.fromPretrained(file('other'))
    using index = await PictureIndex.open(file('search.lance'))
    for (const use of [
      index.search(other, 'octopus'),
      index.similar(other, picture(1)),
      index.update(other, [file('photos')]),
    ])
      await expect(use).rejects.toThrow(/was made with another model \(tiny\)/)
  })

  it('names in use, folders that are no index, paths that are not there', async () => {
    await expect(PictureIndex.create(file('search.lance'), model)).rejects.toThrow(ConfigError)
    await expect(PictureIndex.open(file('photos'))).rejects.toThrow(/is not a picture index/)
    using index = await PictureIndex.open(file('search.lance'))
    await expect(index.update(model, [file('none')])).rejects.toThrow(DataError)
    await mkdir(file('empty'))
    await expect(index.update(model, [file('empty')])).rejects.toThrow(/holds no pictures/)
    expect(await index.count()).toBe(5)
  })

  it('use after it was closed, and leaves nothing behind where it cannot be made', async () => {
    const index = await PictureIndex.open(file('search.lance'))
    index.close()
    index.close()
    await expect(index.search(model, 'octopus')).rejects.toThrow(DisposedError)
    await writeTinyModel(file('captions-only'), ['vision', 'stage2', 'language'])
    await using captioner = await Blip2.fromPretrained(file('captions-only'))
    await expect(PictureIndex.create(file('unmade.lance'), captioner)).rejects.toThrow(/stage1/)
    expect((await readdir(parent)).filter((name) => name.startsWith('unmade'))).toEqual([])
  })
})
