import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { decodeImage } from '../../src/image/decode.js'
import { lookAlikes, lookHash } from '../../src/image/lookHash.js'

describe('lookHash', () => {
  it('has a bit for each part that is brighter than the part to its right', async () => {
    const width = 90
    const fading = Uint8Array.from({ length: width * 8 * 3 }, (_, i) => 255 - 2 * (Math.floor(i / 3) % width))
    expect(await lookHash({ rgb: fading, width, height: 8 })).toBe('f'.repeat(16))
    expect(await lookHash({ rgb: fading.reverse(), width, height: 8 })).toBe('0'.repeat(16))
  })

  it('is nearly the same for a smaller copy and for a compressed one', async () => {
    const large = sharp('assets/demo/noto-v1-guitar.png').flatten({ background: '#fff' }).resize(300)
    const copies = [
      await large.clone().png().toBuffer(),
      await large.clone().jpeg({ quality: 40 }).toBuffer(),
      await large.clone().resize(64).webp().toBuffer(),
    ]
    const looks = await Promise.all(copies.map(async (copy) => lookHash(await decodeImage(copy))))
    expect(lookAlikes(looks)).toEqual([[0, 1, 2]])
  })
})

describe('lookAlikes', () => {
  it('groups hashes that differ in three bits at most, through others too', () => {
    const looks = [
      '4000000000000000',
      'ffffffffffffffff',
      '4000000000000007',
      '400000000000003f',
      'c000000080008000',
      '40000000000f0000',
      'fffffffffffffff8',
    ]
    expect(lookAlikes(looks)).toEqual([
      [0, 2, 3, 4],
      [1, 6],
    ])
  })

  it('leaves plain pictures out, whatever their colours', async () => {
    const plain = (value: number) => lookHash({ rgb: new Uint8Array(300).fill(value), width: 10, height: 10 })
    expect(lookAlikes([await plain(30), await plain(200), 'ffffffffffffffff'])).toEqual([])
  })
})
