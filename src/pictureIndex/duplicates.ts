import { lookBits, lookDistance } from './lookHash.js'
import type { PictureRow, PictureState, VectorShape } from './pictureRow.js'
import { pictureSimilarity } from './pictureSimilarity.js'

/** A picture among its duplicates. */
export interface Duplicate {
  readonly path: string
  readonly bytes: number
  /** To the first of the group: 1 for the same bytes, else the mean over the queries of their best cosine. */
  readonly similarity: number
}

/** Bits in which the looks of two copies may differ. */
const LOOK_BITS = 3
/** With one part more than bits that differ, two hashes agree in one part at least. */
const BANDS = 4
const BAND_BITS = 16
/** Pictures whose vectors are held at a time. */
const HELD = 500

/**
 * Groups of pictures that show the same: files of the same content, and pictures that look the same (three of the 64
 * bits of their hashes may differ) and whose vectors agree. The largest file of a group comes first.
 * @param least Similarity from which vectors agree.
 */
export async function findDuplicates(
  states: Iterable<PictureState>,
  rowsOf: (paths: readonly string[]) => Promise<readonly PictureRow[]>,
  shape: VectorShape,
  least: number,
): Promise<Duplicate[][]> {
  const byContent = grouped(states, ({ content }) => content)
  const largestFirst = [...byContent.values()].map((same) => same.sort(byBytes)).sort((a, b) => byBytes(a[0]!, b[0]!))
  const alike = lookAlikes(largestFirst.map(([first]) => first!.look))
  const groups: Duplicate[][] = []
  for (const clusters of chunks(alike)) {
    const paths = clusters.flat().map((i) => largestFirst[i]![0]!.path)
    const vectors = new Map((await rowsOf(paths)).map((row) => [row.path, row.vectors]))
    const vectorsOf = (i: number) => vectors.get(largestFirst[i]![0]!.path)!
    for (const cluster of clusters)
      for (const group of agreeing(cluster, (a, b) => pictureSimilarity(vectorsOf(a), vectorsOf(b), shape), least))
        groups.push(group.flatMap(({ index, similarity }) => members(largestFirst[index]!, similarity)))
  }
  const inClusters = new Set(alike.flat())
  largestFirst.forEach((same, i) => {
    if (!inClusters.has(i)) groups.push(members(same, 1))
  })
  return groups.filter((group) => group.length > 1).sort(([a], [b]) => (a!.path < b!.path ? -1 : 1))
}

const byBytes = (a: PictureState, b: PictureState): number => b.bytes - a.bytes || (a.path < b.path ? -1 : 1)

const members = (same: readonly PictureState[], similarity: number): Duplicate[] =>
  same.map(({ path, bytes }) => ({ path, bytes, similarity }))

/** Numbers of the hashes that are near each other, directly or through others; lone ones are left out. */
function lookAlikes(looks: readonly string[]): number[][] {
  const bits = looks.map(lookBits)
  const parent = looks.map((_, i) => i)
  const rootOf = (i: number): number => {
    let root = i
    while (parent[root] !== root) root = parent[root]!
    parent[i] = root
    return root
  }
  for (let band = 0; band < BANDS; band++) {
    const cells = grouped(bits.keys(), (i) => bandOf(bits[i]!, band))
    for (const cell of cells.values())
      cell.forEach((a, i) => {
        for (const b of cell.slice(i + 1))
          if (rootOf(a) !== rootOf(b) && lookDistance(bits[a]!, bits[b]!) <= LOOK_BITS)
            parent[Math.max(rootOf(a), rootOf(b))] = Math.min(rootOf(a), rootOf(b))
      })
  }
  return [...grouped(parent.keys(), rootOf).values()].filter((cluster) => cluster.length > 1)
}

const bandOf = ([high, low]: readonly [number, number], band: number): number =>
  ((band < 2 ? high : low) >>> (BAND_BITS * (band % 2))) & 0xffff

/** Each joins the first group whose first member it agrees with, or begins one. */
function agreeing(cluster: readonly number[], similarityOf: (a: number, b: number) => number, least: number) {
  const groups: { index: number; similarity: number }[][] = []
  for (const index of cluster) {
    const fitting = groups
      .map((group) => ({ group, similarity: similarityOf(group[0]!.index, index) }))
      .find(({ similarity }) => similarity >= least)
    if (fitting) fitting.group.push({ index, similarity: fitting.similarity })
    else groups.push([{ index, similarity: 1 }])
  }
  return groups
}

function grouped<T, Key>(items: Iterable<T>, keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}

/** Clusters together, up to so many pictures. */
function* chunks(clusters: readonly number[][]): Generator<number[][]> {
  let chunk: number[][] = []
  let size = 0
  for (const cluster of clusters) {
    if (size > 0 && size + cluster.length > HELD) {
      yield chunk
      chunk = []
      size = 0
    }
    chunk.push(cluster)
    size += cluster.length
  }
  if (chunk.length > 0) yield chunk
}
