import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../../../src/errors.js'
import { readHeader } from '../../../src/data/loader/decodeCrop.js'
import { cropPicture, randomCrop } from '../../../src/data/loader/randomCrop.js'
import { type TrainingViewOptions, trainingView } from '../../../src/data/loader/trainingView.js'
import { decodeImage } from '../../../src/image/decode.js'
import { resizeBicubic } from '../../../src/image/resize.js'
import { Random } from '../../../src/train/random/random.js'
import { fixture } from '../fixture.js'

const source = (seed: number) => {
  const random = new Random(seed)
  return () => random.uniform()
}

describe('randomCrop', () => {
  it.each([
    [640, 480],
    [100, 300],
    [33, 33],
  ])('keeps within %i x %i, the area and the shape', (width, height) => {
    const random = source(1)
    const areas: number[] = []
    for (let i = 0; i < 500; i++) {
      const crop = randomCrop({ width, height }, [0.5, 1], random)
      expect(crop.left >= 0 && crop.left + crop.width <= width).toBe(true)
      expect(crop.top >= 0 && crop.top + crop.height <= height).toBe(true)
      areas.push((crop.width * crop.height) / (width * height))
      expect(crop.width / crop.height).toBeGreaterThan(0.7)
      expect(crop.width / crop.height).toBeLessThan(1.4)
    }
    expect(Math.min(...areas)).toBeGreaterThan(width === 100 ? 0.4 : 0.48)
  })

  it('takes the middle of a picture in which nothing fits', () => {
    expect(randomCrop({ width: 1000, height: 9 }, [0.5, 1], source(1))).toEqual({
      left: 494,
      top: 0,
      width: 12,
      height: 9,
    })
    expect(randomCrop({ width: 1, height: 50 }, [1, 1], source(1))).toMatchObject({ width: 1, height: 1 })
  })

  it('cuts out the pixels', () => {
    const rgb = Uint8Array.from({ length: 4 * 3 * 3 }, (_, i) => i)
    expect(cropPicture({ rgb, width: 4, height: 3 }, { left: 1, top: 1, width: 2, height: 2 })).toEqual({
      rgb: Uint8Array.of(15, 16, 17, 18, 19, 20, 27, 28, 29, 30, 31, 32),
      width: 2,
      height: 2,
    })
  })
})

describe('readHeader', () => {
  /** A picture with a dark field in its top left quarter, lying on its side as a camera would store it. */
  const lying = async () => {
    const { default: sharp } = await import('sharp')
    const dark = await sharp({ create: { width: 20, height: 30, channels: 3, background: '#222222' } })
      .png()
      .toBuffer()
    return sharp({ create: { width: 40, height: 60, channels: 3, background: '#eeeeee' } })
      .composite([{ input: dark, left: 0, top: 0 }])
      .jpeg({ quality: 100 })
      .withMetadata({ orientation: 6 })
      .toBuffer()
  }

  it('tells the upright size, and decodes a part of the upright picture', async () => {
    const header = await readHeader(await lying())
    expect([header.width, header.height]).toEqual([60, 40])
    const part = { left: 30, top: 0, width: 30, height: 20 }
    const { rgb, width, height } = await header.decode(part, { size: 8, mirror: false })
    expect([width, height, rgb.length]).toEqual([8, 8, 192])
    expect(Math.max(...rgb)).toBeLessThan(60)
    const light = await header.decode({ ...part, left: 0 }, { size: 8, mirror: false })
    expect(Math.min(...light.rgb)).toBeGreaterThan(200)
  })

  it('mirrors, and agrees with decoding and resizing as Pillow does but for rounding', async () => {
    const image = await readFile('assets/demo/noto-v1-guitar.png')
    const header = await readHeader(image)
    const { width, height } = header
    const whole = { left: 0, top: 0, width, height }
    const plain = await header.decode(whole, { size: 40, mirror: false })
    const mirrored = await header.decode(whole, { size: 40, mirror: true })
    const exact = resizeBicubic(await decodeImage(image), 40)
    let sum = 0
    for (let y = 0; y < 40; y++)
      for (let x = 0; x < 40; x++)
        for (let c = 0; c < 3; c++) {
          const at = (y * 40 + x) * 3 + c
          expect(mirrored.rgb[(y * 40 + 39 - x) * 3 + c]).toBe(plain.rgb[at])
          sum += Math.abs(plain.rgb[at]! - exact[at]!)
        }
    expect(sum / exact.length).toBeLessThan(1.5)
  })

  it('refuses what is no picture, and a picture that is cut off', async () => {
    await expect(readHeader(Buffer.from('no picture'))).rejects.toThrow(ImageError)
    const jpeg = await lying()
    const cut = await readHeader(jpeg.subarray(0, jpeg.length - 60))
    const whole = { left: 0, top: 0, width: 60, height: 40 }
    await expect(cut.decode(whole, { size: 8, mirror: false })).rejects.toThrow(ImageError)
  })
})

describe('trainingView', () => {
  const plain: TrainingViewOptions = { size: 8, mean: [0, 0, 0], std: [1, 1, 1] }
  /** Red on the left, blue on the right. */
  const halves = async (caption: string, seed: number, options: Partial<TrainingViewOptions> = {}) => {
    const left = Buffer.alloc(30 * 20 * 4)
    for (let i = 0; i < 600; i++) left.set(i % 30 < 15 ? [255, 0, 0, 255] : [0, 0, 255, 255], i * 4)
    const { default: sharp } = await import('sharp')
    const image = await sharp(left, { raw: { width: 30, height: 20, channels: 4 } })
      .png()
      .toBuffer()
    const load = trainingView({ ...plain, ...options })
    return load({ key: 'k', image, captions: [caption, `${caption} again`] }, new Random(seed))
  }
  const isMirrored = ({ pixels }: { pixels: Float32Array }) => pixels[0]! < pixels[7]!

  it('mirrors half of the pictures, but none whose caption names a direction', async () => {
    const views = await Promise.all(Array.from({ length: 60 }, (_, seed) => halves('two colours', seed)))
    const mirrored = views.filter(isMirrored).length
    expect(mirrored).toBeGreaterThan(18)
    expect(mirrored).toBeLessThan(42)
    expect(new Set(views.map(({ caption }) => caption))).toEqual(new Set(['two colours', 'two colours again']))
    const directed = await Promise.all(Array.from({ length: 20 }, (_, seed) => halves('red on the left', seed)))
    expect(directed.some(isMirrored)).toBe(false)
  })

  it('depends on the random numbers alone, and normalises', async () => {
    expect(await halves('a', 1)).toEqual(await halves('a', 1))
    expect(await halves('a', 1)).not.toEqual(await halves('a', 2))
    const augmented = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => halves('a', seed, { randAugment: {} })))
    expect(augmented).not.toEqual(await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => halves('a', seed))))
    const load = trainingView({ size: 4, mean: [0.5, 0.5, 0.5], std: [0.25, 0.5, 1] })
    const { pixels } = await load({ key: 'k', image: fixture('folder/red.jpg'), captions: ['red'] }, new Random(1))
    expect(pixels).toHaveLength(48)
    expect(pixels[0]).toBeCloseTo((200 / 255 - 0.5) / 0.25, 1)
    expect(pixels[47]).toBeCloseTo(30 / 255 - 0.5, 1)
  })
})
