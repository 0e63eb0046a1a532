import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { jpegSize } from '../../../src/data/loader/jpegSize.js'

const picture = (width = 50, height = 30) => sharp({ create: { width, height, channels: 3, background: '#3060c0' } })

const sizeOf = async (bytes: Buffer) => {
  const { width, height } = (await sharp(bytes).metadata()).autoOrient
  return { width, height }
}

describe('jpegSize', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is the decoder’s for a picture of orientation %i', async (orientation) => {
    for (const [width, height] of [
      [50, 30],
      [1, 7],
      [700, 301],
    ]) {
      const bytes = await picture(width, height).jpeg().withMetadata({ orientation }).toBuffer()
      expect(jpegSize(bytes)).toEqual(await sizeOf(bytes))
    }
  })

  it('is told of progressive and grey pictures, with a profile and without metadata', async () => {
    const kinds = [
      picture().jpeg({ progressive: true }),
      picture().greyscale().jpeg(),
      picture().withIccProfile('p3').jpeg({ chromaSubsampling: '4:4:4' }),
      picture().jpeg({ optimiseCoding: false }),
    ]
    for (const kind of kinds) expect(jpegSize(await kind.toBuffer())).toEqual({ width: 50, height: 30 })
  })

  it('reads Exif of both byte orders', async () => {
    const plain = await picture().jpeg().toBuffer()
    for (const little of [true, false]) {
      const bytes = Buffer.concat([plain.subarray(0, 2), exif(little, 8), plain.subarray(2)])
      expect(jpegSize(bytes)).toEqual({ width: 30, height: 50 })
      expect(await sizeOf(bytes)).toEqual({ width: 30, height: 50 })
    }
  })

  it('leaves what is unusual, damaged or no JPEG to the decoder', async () => {
    const plain = await picture().jpeg().toBuffer()
    const twice = Buffer.concat([plain.subarray(0, 2), exif(true, 1), exif(true, 6), plain.subarray(2)])
    const wrong = Buffer.concat([plain.subarray(0, 2), exif(true, 9), plain.subarray(2)])
    const others = [twice, wrong, plain.subarray(0, 100), Buffer.from('no'), await picture().png().toBuffer()]
    for (const bytes of others) expect(jpegSize(bytes)).toBeUndefined()
    for (let end = 0; end < plain.length; end += 7) expect(() => jpegSize(plain.subarray(0, end))).not.toThrow()
  })
})

/** A segment of Exif with nothing but an orientation. */
function exif(little: boolean, orientation: number): Buffer {
  const tiff = new DataView(new ArrayBuffer(26))
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d)
  tiff.setUint16(2, 42, little)
  tiff.setUint32(4, 8, little)
  tiff.setUint16(8, 1, little)
  tiff.setUint16(10, 0x0112, little)
  tiff.setUint16(12, 3, little)
  tiff.setUint32(14, 1, little)
  tiff.setUint16(18, orientation, little)
  const header = Buffer.from([0xff, 0xe1, 0, 2 + 6 + 26, ...Buffer.from('Exif\0\0')])
  return Buffer.concat([header, Buffer.from(tiff.buffer)])
}
