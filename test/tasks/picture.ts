import type { RawImage } from '../../src/index.js'
import { Random } from '../../src/train/random/random.js'

/** A picture of random colours. */
export function picture(seed: number): RawImage {
  const random = new Random(seed, 'picture')
  const data = Uint8Array.from({ length: 20 * 20 * 3 }, () => random.integer(256))
  return { data, width: 20, height: 20, channels: 3 }
}

export const pictures = (count: number): RawImage[] => Array.from({ length: count }, (_, i) => picture(i))
