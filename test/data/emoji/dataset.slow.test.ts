import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadEmojiData } from '../../../src/data/emoji/dataset.js'
import { countPictures } from '../../../src/data/emoji/overview.js'
import { VENDOR_IDS, VENDORS, type VendorId } from '../../../src/data/emoji/vendors.js'

let cacheDir: string

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'blip2-emoji-'))
})

afterAll(() => rm(cacheDir, { recursive: true }))

it('has the documented numbers of pictures', { timeout: 300_000 }, async () => {
  const data = await loadEmojiData({ cacheDir, vendors: VENDOR_IDS })
  const counts = Object.fromEntries(countPictures(data).map(({ split, pictures }) => [split, pictures]))
  expect(counts).toEqual({
    train: 16448,
    'val-style': 873,
    'val-composition': 517,
    'val-concept': 135,
    'test-style': 3052,
    'test-composition': 1040,
    'test-concept': 398,
    'test-style+held-out': 281,
    extra: 2361,
  })
  const demo = JSON.parse(await readFile('assets/demo/demo.json', 'utf8')) as { caption: string; vendor: VendorId }[]
  expect(demo).toHaveLength(12)
  for (const { vendor, caption } of demo) {
    expect(VENDORS[vendor].role).toBe('test-style')
    expect(data.pictures.some((own) => own.vendor === vendor && own.captions.includes(caption))).toBe(true)
  }
})
