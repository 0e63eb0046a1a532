import type { RgbaPicture } from '../image/affineSampler.js'
import { createEvaluationView } from '../image/augment.js'
import type { LabelledVectors } from './nearestNeighbour.js'

/**
 * Pictures on white as raw pixels of `size` x `size`, ink positive (0 is the white ground), for the nearest-neighbour
 * floor.
 */
export function pixelVectors(
  pictures: readonly { picture: RgbaPicture; captions: readonly string[] }[],
  size = 16,
): LabelledVectors {
  const width = 3 * size * size
  const view = createEvaluationView({ size, mean: [1, 1, 1], std: [-1, -1, -1] })
  const vectors = new Float32Array(pictures.length * width)
  for (const [i, { picture }] of pictures.entries()) view(picture, vectors, i * width)
  return { vectors, width, captions: pictures.map(({ captions }) => captions) }
}
