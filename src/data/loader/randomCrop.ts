import type { RandomSource } from '../../image/augment.js'
import type { RgbPicture } from '../../image/resize.js'

/** A rectangle in pixels. */
export interface Crop {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const ASPECT = [3 / 4, 4 / 3] as const
const ATTEMPTS = 10

/**
 * The rectangle of torchvision's RandomResizedCrop: a part of the area, uniform between the two of `scale`, of a width
 * over height from 3/4 to 4/3. Where none fits in ten attempts, as in a very long picture, the largest one in the middle.
 */
export function randomCrop(
  { width, height }: Pick<RgbPicture, 'width' | 'height'>,
  [smallest, largest]: readonly [number, number],
  random: RandomSource,
): Crop {
  const [narrowest, widest] = ASPECT
  for (let i = 0; i < ATTEMPTS; i++) {
    const area = width * height * (smallest + (largest - smallest) * random())
    const aspect = narrowest * (widest / narrowest) ** random()
    const size = { width: Math.round(Math.sqrt(area * aspect)), height: Math.round(Math.sqrt(area / aspect)) }
    if (size.width < 1 || size.height < 1 || size.width > width || size.height > height) continue
    const top = Math.floor(random() * (height - size.height + 1))
    const left = Math.floor(random() * (width - size.width + 1))
    return { left, top, ...size }
  }
  const size = {
    width: Math.max(1, Math.min(width, Math.round(height * widest))),
    height: Math.max(1, Math.min(height, Math.round(width / narrowest))),
  }
  return { left: Math.floor((width - size.width) / 2), top: Math.floor((height - size.height) / 2), ...size }
}

/** The pixels inside the rectangle, as a new picture. */
export function cropPicture({ rgb, width }: RgbPicture, crop: Crop): RgbPicture {
  const out = new Uint8Array(crop.width * crop.height * 3)
  for (let y = 0; y < crop.height; y++) {
    const from = ((crop.top + y) * width + crop.left) * 3
    out.set(rgb.subarray(from, from + crop.width * 3), y * crop.width * 3)
  }
  return { rgb: out, width: crop.width, height: crop.height }
}
