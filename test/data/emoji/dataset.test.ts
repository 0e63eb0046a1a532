import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { defaultCacheDirectory, emojiCacheFolder } from '../../../src/data/emoji/cache.js'
import { type EmojiData, loadEmojiData } from '../../../src/data/emoji/dataset.js'
import { type CocoCaptions, exportCocoCaptions } from '../../../src/data/emoji/export.js'
import { countPictures, overviewSheet } from '../../../src/data/emoji/overview.js'
import type { VendorId } from '../../../src/data/emoji/vendors.js'

const vendors: VendorId[] = ['emojione', 'fxemoji']
let cacheDir: string
let data: EmojiData

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'blip2-emoji-'))
  data = await loadEmojiData({ cacheDir, vendors })
})

afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(() => rm(cacheDir, { recursive: true }))

describe('loadEmojiData', () => {
  it('puts pictures into splits by vendor and concept', () => {
    const counts = new Map(countPictures(data).map((count) => [count.split, count]))
    expect(counts.get('train')?.byVendor).toEqual({ emojione: 1398 })
    expect(counts.get('test-concept')?.pictures).toBe(57)
    expect(counts.get('test-style')?.byVendor).toEqual({ fxemoji: 798 })
    expect(counts.get('test-style+held-out')?.pictures).toBe(63)
    expect(counts.has('val-style')).toBe(false)
  })

  it('describes a picture', () => {
    expect(data.pictures.find(({ id }) => id === 'emojione/1f44b-1f3fd')).toMatchObject({
      vendor: 'emojione',
      captions: ['waving hand: medium skin tone'],
      group: 'people-body',
      skinTones: [3],
      base: false,
      directional: false,
    })
  })

  it('merges drawings with the same pixels into one picture with several captions', () => {
    const hourglass = data.pictures.find(({ id }) => id === 'fxemoji/231b')
    expect(hourglass?.captions).toEqual(['hourglass done', 'hourglass not done'])
  })

  it('never shows the text of a held-out concept in training', () => {
    const test = new Set(['val-concept', 'test-concept', 'val-composition', 'test-composition'])
    const heldOut = new Set(data.pictures.filter(({ split }) => test.has(split)).flatMap(({ captions }) => captions))
    expect(data.split('train').filter(({ captions }) => captions.some((caption) => heldOut.has(caption)))).toEqual([])
  })

  it('keeps the transparent ground', () => {
    const rgba = data.rgba(data.pictures.find(({ captions }) => captions.includes('grinning face'))!)
    expect(rgba).toHaveLength(80 * 80 * 4)
    expect([...rgba.subarray(0, 4)]).toEqual([0, 0, 0, 0])
    expect(rgba[(40 * 80 + 40) * 4 + 3]).toBe(255)
  })

  it('renders once, resumes per vendor and names its sources', async () => {
    const { mtimeMs } = await stat(join(emojiCacheFolder(cacheDir), 'emojione.bin'))
    await rm(join(emojiCacheFolder(cacheDir), 'fxemoji.json'))
    const rendered = new Set<string>()
    await loadEmojiData({ cacheDir, vendors, onProgress: ({ vendor }) => rendered.add(vendor.id) })
    expect([...rendered]).toEqual(['fxemoji'])
    expect((await stat(join(emojiCacheFolder(cacheDir), 'emojione.bin'))).mtimeMs).toBe(mtimeMs)
    expect(await readFile(join(emojiCacheFolder(cacheDir), 'NOTICE'), 'utf8')).toContain('OpenMoji')
  })

  it('stops when told to, and leaves no half of a vendor', async () => {
    const stop = new AbortController()
    const onProgress = () => stop.abort()
    const loading = loadEmojiData({ cacheDir, vendors: ['streamline'], onProgress, signal: stop.signal })
    await expect(loading).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
    expect(existsSync(join(emojiCacheFolder(cacheDir), 'streamline.bin'))).toBe(false)
  })

  it('refuses damaged pixels', async () => {
    const copy = await loadEmojiData({ cacheDir, vendors: ['emojione-v1'] })
    await truncate(join(emojiCacheFolder(cacheDir), 'emojione-v1.bin'), 1000)
    expect(() => copy.rgba(copy.pictures[0]!)).toThrow('emojione-v1.bin is damaged')
  })

  it('keeps renders where $BLIP2_CACHE says', () => {
    vi.stubEnv('BLIP2_CACHE', '/somewhere')
    expect(defaultCacheDirectory()).toBe('/somewhere')
    vi.stubEnv('BLIP2_CACHE', undefined)
    expect(defaultCacheDirectory()).toBe(join(process.cwd(), '.cache'))
  })
})

describe('exportCocoCaptions', () => {
  it('writes the official format, pictures on white and the sources', async () => {
    const directory = join(cacheDir, 'export')
    await exportCocoCaptions(data, 'val-concept', directory, { size: 64 })
    const captions = JSON.parse(await readFile(join(directory, 'captions.json'), 'utf8')) as CocoCaptions
    expect(captions.images).toHaveLength(20)
    expect(captions.annotations[0]).toEqual({ id: 1, image_id: 1, caption: data.split('val-concept')[0]!.captions[0] })
    expect(captions.licenses).toEqual([{ id: 1, name: 'CC-BY-4.0', url: 'https://github.com/EmojiTwo/emojitwo' }])

    const picture = sharp(join(directory, 'images', captions.images[0]!.file_name))
    const { data: pixels, info } = await picture.raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 64, height: 64, channels: 3 })
    expect([...pixels.subarray(0, 3)]).toEqual([255, 255, 255])
    expect(await readFile(join(directory, 'NOTICE'), 'utf8')).toContain('Emoji One 2.3')
  })

  it('says when no loaded vendor has the split', async () => {
    await expect(exportCocoCaptions(data, 'val-style', cacheDir)).rejects.toThrow('No picture of the loaded vendors')
  })
})

describe('overviewSheet', () => {
  it('has a column for each concept and a row for each vendor', async () => {
    const { width, height } = await sharp(await overviewSheet(data, 5)).metadata()
    expect(width).toBe(5 * 88 + 8)
    expect(height).toBe(2 * 110 + 8)
  })
})
