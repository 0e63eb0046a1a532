import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseMixture } from '../../src/data/loader/mixtureSpec.js'
import { openMixturePictures } from '../../src/data/mixturePictures.js'
import { DataError } from '../../src/errors.js'
import { writePictureFolder } from '../capfilt/pictureFolder.js'
import { fixture } from './fixture.js'

let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-mixture-'))
  await writePictureFolder(join(parent, 'a'), 4)
  await writePictureFolder(join(parent, 'b'), 3, [1])
})
afterAll(() => rm(parent, { recursive: true, force: true }))

const folder = (name: string, weight: number) => ({ name, format: 'folder', folder: name, weight })
const open = (sources: object[], more = {}) =>
  openMixturePictures(parseMixture({ sources }, parent), { side: 6, ...more })

it('holds the pictures of all sources as often as their weights say', async () => {
  const lost: string[] = []
  const onLoss = (name: string) => lost.push(name)
  // Four pictures share a weight of 1, two a weight of 2: each of those comes four times as often.
  const pictures = await open([folder('a', 1), folder('b', 2)], { onLoss })
  expect(lost).toEqual([expect.stringMatching(/^b: .*1\.png$/)])
  const captions = Array.from({ length: pictures.length }, (_, i) => pictures.captions(i)[0])
  const zeros = captions.filter((caption) => caption === 'number 0')
  const twos = captions.filter((caption) => caption === 'number 2')
  expect([captions.length, zeros.length, twos.length]).toEqual([4 + 8, 1 + 4, 1 + 4])
  expect(new Set(Array.from({ length: pictures.length }, (_, i) => pictures.imageId(i))).size).toBe(6)
  const { size, rgba } = await pictures.picture(0)
  expect([size, rgba.length]).toEqual([6, 6 * 6 * 4])
})

it('reads tar shards, and takes the best captions only', async () => {
  const shards = { name: 'tar', format: 'img2dataset', folder: fixture('img2dataset'), bestCaptions: 1 }
  const pictures = await open([shards])
  expect(pictures.length).toBeGreaterThan(0)
  for (let i = 0; i < pictures.length; i++) expect(pictures.captions(i)).toHaveLength(1)
})

it('refuses weights that it cannot keep', async () => {
  await expect(open([folder('a', 1), folder('b', 1e6)])).rejects.toThrow(DataError)
})

it('augments pictures of Visual Genome as the released code does, unless told otherwise', async () => {
  for (const half of ['VG_100K', 'VG_100K_2']) await mkdir(join(parent, half))
  await copyFile(join(parent, 'a/0.png'), join(parent, 'VG_100K/1.jpg'))
  await writeFile(join(parent, 'regions.json'), JSON.stringify([{ id: 1, regions: [{ phrase: 'a thing' }] }]))
  const genome = { name: 'vg', format: 'visual-genome', annotations: 'regions.json', images: '.' }
  const asked = async (sources: object[]) => {
    const { length, randAugment, fingerprint } = await open(sources)
    return { fingerprint, asked: Array.from({ length }, (_, i) => randAugment!(i)) }
  }
  const [asking, silent] = [await asked([genome]), await asked([{ ...genome, randAugment: false }])]
  expect([asking.asked, silent.asked]).toEqual([[true], [false]])
  expect(asking.fingerprint).not.toBe(silent.fingerprint)
  expect((await asked([{ ...folder('a', 1), randAugment: true }])).asked).toEqual([true, true, true, true])
})
