import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { contactSheet } from '../../src/image/contactSheet.js'

const cell = (label: string, size = 10) => ({ rgba: new Uint8Array(size * size * 4).fill(255), size, label })
const blue = { ...cell('a <blue> & square'), rgba: Uint8Array.from(Array(100).fill([0, 0, 255, 255]).flat()) }

describe('contactSheet', () => {
  it('lays pictures out in rows', async () => {
    const png = await contactSheet([blue, cell('b'), cell('c')], { columns: 2, labelLines: 1 })
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 2 * 18 + 8, height: 2 * 29 + 8 })
    const pixel = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)]
    expect(pixel(12, 12)).toEqual([0, 0, 255])
    expect(pixel(30, 12)).toEqual([255, 255, 255])
  })

  it('refuses no pictures, and pictures of several sizes', async () => {
    await expect(contactSheet([])).rejects.toThrow('at least one picture')
    await expect(contactSheet([cell('a'), cell('b', 12)])).rejects.toThrow('is not 10 x 10')
  })
})
