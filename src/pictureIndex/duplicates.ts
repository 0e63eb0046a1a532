import { lookAlikes } from '../image/lookHash.js'
import type { PictureRow, PictureState, VectorShape } from './pictureRow.js'
import { pictureSimilarity } from './pictureSimilarity.js'

/** A picture among its duplicates. */
export interface Duplicate {
  readonly path: string
  readonly bytes: number
  /** To the first of the group: 1 for the same bytes, else the mean over the queries of their best cosine. */
  readonly similarity: number
}

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
  const byContent = new Map<string, PictureState[]>()
  for (const state of states) byContent.set(state.content, [...(byContent.get(state.content) ?? []), state])
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
