import { writePixels } from '../../src/image/preprocess.js'
import { resizeBicubic } from '../../src/image/resize.js'
import { float32, int64 } from '../../src/runtime/index.js'
import { type Fixture, number, type Values } from './fixture.js'

/** 'NAME.rgb_u8_hwc': a picture -> 'NAME.resized_u8_hwc' and 'NAME.pixel_values', as the authors' processor makes them. */
export async function processorsCase({ config, inputs }: Fixture): Promise<Values> {
  const size = number(config, 'image_size')
  const { mean, std } = config as unknown as Record<'mean' | 'std', [number, number, number]>
  const values: Values = {}
  for (const [input, { shape, data }] of Object.entries(inputs)) {
    const name = input.replace('.rgb_u8_hwc', '')
    const [height, width] = shape as [number, number]
    const picture = { rgb: Uint8Array.from(data, Number), width, height }
    values[`${name}.resized_u8_hwc`] = int64([size, size, 3], resizeBicubic(picture, size))
    const pixels = new Float32Array(3 * size * size)
    writePixels(picture, { size, mean, std }, pixels)
    values[`${name}.pixel_values`] = float32([3, size, size], pixels)
  }
  return values
}
