import type { RawImage } from '../image/decode.js'
import { Random } from '../train/random/random.js'
import type { Blip2Methods } from '../tasks/blip2.js'
import type { VectorShape } from './pictureRow.js'

/** What a model makes of a certain picture and a certain text: tells whether two models give the same vectors. */
export interface ModelProbe extends VectorShape {
  /** Mean of the picture's vectors: [width] */
  readonly picture: readonly number[]
  /** [width] */
  readonly text: readonly number[]
}

const SIDE = 64
const TEXT = 'a red apple on a table'
/** Devices and thread counts change a vector by less, other weights and other preprocessing by far more. */
const SAME_COSINE = 0.999

/**
 * Asks the model. Weights, sizes, tokenizer and preprocessing all take part, wherever the model's files lie and in
 * whatever format they are.
 */
export async function probeModel(model: Blip2Methods): Promise<ModelProbe> {
  const vectors = await model.embedImage(probePicture())
  const text = await model.embedText(TEXT)
  const width = text.length
  const queries = vectors.length / width
  const mean = Array.from({ length: width }, (_, i) => {
    let sum = 0
    for (let query = 0; query < queries; query++) sum += vectors[query * width + i]!
    return sum / queries
  })
  return { queries, width, picture: mean.map(rounded), text: Array.from(text, rounded) }
}

export const isSameModel = (a: ModelProbe, b: ModelProbe): boolean =>
  a.queries === b.queries &&
  a.width === b.width &&
  cosineOf(a.picture, b.picture) > SAME_COSINE &&
  cosineOf(a.text, b.text) > SAME_COSINE

/** Soft blobs of colour under noise: it has coarse and fine detail. */
function probePicture(): RawImage {
  const random = new Random(1, 'model probe')
  const waves = Array.from({ length: 3 }, () => ({
    x: random.integer(6),
    y: random.integer(6),
    from: random.integer(6),
  }))
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
    const { x, y, from } = waves[i % 3]!
    const pixel = Math.floor(i / 3)
    const phase = from + ((pixel % SIDE) * x + Math.floor(pixel / SIDE) * y) / SIDE
    return 100 + 70 * Math.sin(phase) + random.integer(60)
  })
  return { data, width: SIDE, height: SIDE, channels: 3 }
}

const rounded = (value: number): number => Math.round(value * 1e6) / 1e6

function cosineOf(a: readonly number[], b: readonly number[]): number {
  const product = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b))
}
