import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../../src/errors.js'
import { writePixels } from '../../src/image/preprocess.js'
import { resizeBicubic } from '../../src/image/resize.js'
import { readFixture, tensor } from '../parity/fixture.js'

const fixture = await readFixture(join(import.meta.dirname, '../fixtures/golden/processors'))

describe.each(['down', 'up', 'same', 'mixed'])('%s', (name) => {
  const { shape, data } = tensor(fixture.inputs, `${name}.rgb_u8_hwc`)
  const [height, width] = shape as [number, number]
  const picture = { rgb: Uint8Array.from(data, Number), width, height }

  it('resizes as Pillow does, to the bit', () => {
    const expected = Uint8Array.from(tensor(fixture.expected, `${name}.resized_u8_hwc`).data, Number)
    expect(resizeBicubic(picture, 28)).toEqual(expected)
  })

  it("gives the authors' pixel values", () => {
    const pixels = new Float32Array(3 * 28 * 28)
    const [mean, std] = [fixture.config['mean'], fixture.config['std']] as [number, number, number][]
    writePixels(picture, { size: 28, mean: mean!, std: std! }, pixels)
    expect(pixels).toEqual(tensor(fixture.expected, `${name}.pixel_values`).data)
  })
})

it('refuses bytes that do not fit the sizes', () => {
  expect(() => resizeBicubic({ rgb: new Uint8Array(5), width: 2, height: 1 }, 4)).toThrow(ImageError)
})
