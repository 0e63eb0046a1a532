import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCaptionFolder } from '../../src/data/captionFolder.js'
import { DataError } from '../../src/errors.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-folder-'))
  await mkdir(join(folder, 'images'))
  const red = { create: { width: 30, height: 20, channels: 3, background: '#c81e1e' } } as const
  await sharp(red)
    .png()
    .toFile(join(folder, 'images', 'red.png'))
  await sharp(red)
    .jpeg()
    .toFile(join(folder, 'images', 'arrow.jpg'))
  const captions = {
    images: [
      { id: 7, file_name: 'red.png' },
      { id: 9, file_name: 'arrow.jpg' },
    ],
    annotations: [
      { image_id: 7, caption: 'a red card' },
      { image_id: 7, caption: 'a card' },
      { image_id: 9, caption: 'an arrow to the left' },
    ],
  }
  await writeFile(join(folder, 'captions.json'), JSON.stringify(captions))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('openCaptionFolder', () => {
  it('gives square pixels, every caption, the ids, and does not mirror what a direction names', async () => {
    const pictures = await openCaptionFolder(folder, { side: 8 })
    expect(pictures.length).toBe(2)
    const first = await pictures.picture(0)
    expect(first).toEqual({ size: 8, rgba: expect.any(Uint8Array) })
    expect([...first.rgba.subarray(0, 4)]).toEqual([0xc8, 0x1e, 0x1e, 255])
    expect([0, 1].map(pictures.captions)).toEqual([['a red card', 'a card'], ['an arrow to the left']])
    expect([0, 1].map(pictures.imageId)).toEqual([7, 9])
    expect([0, 1].map(pictures.mayMirror)).toEqual([true, false])
  })

  it('names the picture that cannot be decoded', async () => {
    await writeFile(join(folder, 'images', 'red.png'), 'not a picture')
    await expect(openCaptionFolder(folder, { side: 8 })).rejects.toThrow(DataError)
    await expect(openCaptionFolder(folder, { side: 8 })).rejects.toThrow(/red\.png cannot be trained on/)
  })
})
