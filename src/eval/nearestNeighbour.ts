import { DataError } from '../errors.js'

/** Feature vectors one after another, and the captions that are right for each. */
export interface LabelledVectors {
  /** `captions.length` rows of `width` numbers. */
  vectors: Float32Array
  width: number
  captions: readonly (readonly string[])[]
}

export interface NearestNeighbourRecall {
  /** Part of the queries whose nearest picture of the gallery shares a caption with them. */
  recallAt1: number
  /** Part of the queries of which one of the five nearest does. */
  recallAt5: number
  queries: number
  gallery: number
}

/**
 * Names each query by its nearest neighbour in a gallery under cosine similarity: what features are worth without any
 * training on them. With raw pixels (see `pixelVectors`) it is the floor that a vision encoder has to beat.
 */
export function nearestNeighbourRecall(queries: LabelledVectors, gallery: LabelledVectors): NearestNeighbourRecall {
  if (queries.width !== gallery.width) {
    throw new DataError(`Queries have ${queries.width} features and the gallery ${gallery.width}; they must be equal`)
  }
  if (queries.captions.length === 0 || gallery.captions.length === 0) {
    throw new DataError(`Expected queries and a gallery, got ${queries.captions.length} and ${gallery.captions.length}`)
  }
  const queryRows = unitRows(queries)
  const galleryRows = unitRows(gallery)
  let first = 0
  let amongFive = 0
  queries.captions.forEach((captions, i) => {
    const query = queryRows.subarray(i * queries.width, (i + 1) * queries.width)
    const rank = nearest(query, galleryRows, 5).findIndex((row) =>
      gallery.captions[row]!.some((caption) => captions.includes(caption)),
    )
    if (rank === 0) first++
    if (rank >= 0) amongFive++
  })
  const total = queries.captions.length
  return { recallAt1: first / total, recallAt5: amongFive / total, queries: total, gallery: gallery.captions.length }
}

/** The rows scaled to length 1; a row of zeros stays and is near to nothing. */
function unitRows({ vectors, width, captions }: LabelledVectors): Float32Array {
  if (vectors.length !== width * captions.length) {
    throw new DataError(`Expected ${captions.length} vectors of ${width} numbers, got ${vectors.length} numbers`)
  }
  const unit = Float32Array.from(vectors)
  for (let start = 0; start < unit.length; start += width) {
    let squares = 0
    for (let i = start; i < start + width; i++) squares += unit[i]! ** 2
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
    for (let i = start; i < start + width; i++) unit[i] = unit[i]! * scale
  }
  return unit
}

/** The `count` gallery rows most similar to the query, best first. */
function nearest(query: Float32Array, gallery: Float32Array, count: number): number[] {
  const best: { row: number; similarity: number }[] = []
  similarities(query, gallery).forEach((similarity, row) => {
    if (best.length === count && similarity <= best[count - 1]!.similarity) return
    const at = best.findIndex((other) => similarity > other.similarity)
    best.splice(at < 0 ? best.length : at, 0, { row, similarity })
    if (best.length > count) best.pop()
  })
  return best.map(({ row }) => row)
}

/** The dot product of the query with each row: four rows at a time, for four independent sums a step. */
function similarities(query: Float32Array, rows: Float32Array): Float64Array {
  const width = query.length
  const count = rows.length / width
  const result = new Float64Array(count)
  let row = 0
  for (; row + 4 <= count; row += 4) {
    const first = row * width
    const second = first + width
    const third = second + width
    const fourth = third + width
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    for (let i = 0; i < width; i++) {
      const x = query[i]!
      a += x * rows[first + i]!
      b += x * rows[second + i]!
      c += x * rows[third + i]!
      d += x * rows[fourth + i]!
    }
    result[row] = a
    result[row + 1] = b
    result[row + 2] = c
    result[row + 3] = d
  }
  for (; row < count; row++) {
    let sum = 0
    for (let i = 0; i < width; i++) sum += query[i]! * rows[row * width + i]!
    result[row] = sum
  }
  return result
}
