import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PictureTable } from '../src/pictureIndex/pictureTable.js'
import { cosine } from '../src/tasks/retriever.js'
import type { Benchmark } from './main.js'
import { medianSeconds, randomValues } from './measure.js'

const PICTURES = 100_000
/** Sizes of models/emoji. */
const QUERIES = 8
const WIDTH = 128
const BATCH = 1000
/** Pictures show one of these, and parts of others; a text names one. */
const CONCEPTS = 2000
const TEXTS = 20
const TOP = 10

/**
 * The picture index at 100,000 synthetic pictures: each has vectors around a concept, a third of them around others,
 * with noise of its own and of each vector. Needs 0.9 GB of disk and takes about a minute.
 */
export const bench: Benchmark = async (note) => {
  const folder = await mkdtemp(join(tmpdir(), 'blip2-bench-index-'))
  try {
    const made = synthetic()
    const table = await PictureTable.create(folder, { queries: QUERIES, width: WIDTH })
    const scores = made.texts.map(() => new Float32Array(PICTURES))
    let seconds = 0
    for (let first = 0; first < PICTURES; first += BATCH) {
      const pictures = Array.from({ length: BATCH }, () => made.picture())
      made.texts.forEach((text, t) => {
        pictures.forEach((vectors, i) => {
          scores[t]![first + i] = cosine(vectors, text)
        })
      })
      const rows = pictures.map((vectors, i) => ({ ...stateOf(first + i), vectors }))
      const start = performance.now()
      await table.put(rows)
      seconds += (performance.now() - start) / 1000
    }
    note(`wrote ${PICTURES} pictures`)
    const exactSeconds = await medianSeconds(() => table.nearest([made.texts[0]!], TOP, true), 3)
    const start = performance.now()
    await table.tidy()
    const tidySeconds = (performance.now() - start) / 1000
    note('made the approximate index')
    const truth = scores.map((row) => new Set(best(row).map(String)))
    const recall = (found: readonly { path: string }[], t: number) =>
      found.filter(({ path }) => truth[t]!.has(path)).length / TOP
    let exactHits = 0
    let hits = 0
    for (const [t, text] of made.texts.entries()) {
      if (t < 3) exactHits += recall(await table.nearest([text], TOP, true), t) / 3
      hits += recall(await table.nearest([text], TOP, false), t) / TEXTS
    }
    let next = 0
    const searchSeconds = await medianSeconds(() => table.nearest([made.texts[next++ % TEXTS]!], TOP, false), 2 * TEXTS)
    const picture = made.picture()
    const rows = Array.from({ length: QUERIES }, (_, i) => picture.subarray(i * WIDTH, (i + 1) * WIDTH))
    const similarSeconds = await medianSeconds(() => table.nearest(rows, TOP, false), 10)
    table.close()
    return {
      pictures: PICTURES,
      writePicturesPerSecond: PICTURES / seconds,
      tidySeconds,
      exactMs: exactSeconds * 1000,
      exactRecallAt10: exactHits,
      searchMs: searchSeconds * 1000,
      recallAt10: hits,
      similarMs: similarSeconds * 1000,
      diskBytes: await folderBytes(folder),
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function synthetic() {
  const noise = randomValues(4_000_037, 1)
  let at = 0
  const take = (into: Float32Array, scale: number) => {
    for (let i = 0; i < into.length; i++) {
      at = at + 1 < noise.length ? at + 1 : 0
      into[i]! += scale * noise[at]!
    }
    return into
  }
  const concepts = Array.from({ length: CONCEPTS }, () => take(new Float32Array(WIDTH), 1))
  const draw = () => concepts[Math.floor(((take(new Float32Array(1), 1)[0]! + 1) / 2) * CONCEPTS) % CONCEPTS]!
  const texts = Array.from({ length: TEXTS }, () => unit(take(draw().slice(), 0.7)))
  const picture = () => {
    const vectors = new Float32Array(QUERIES * WIDTH)
    const [concept, own] = [draw(), take(new Float32Array(WIDTH), 0.5)]
    for (let query = 0; query < QUERIES; query++) {
      const shown = query % 3 === 2 ? draw() : concept
      const vector = shown.map((value, i) => value + own[i]!)
      vectors.set(unit(take(vector, 0.5)), query * WIDTH)
    }
    return vectors
  }
  return { texts, picture }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

const stateOf = (index: number) => ({
  path: String(index),
  bytes: index,
  modified: 0,
  indexed: 0,
  content: index.toString(16).padStart(64, '0'),
  look: index.toString(16).padStart(16, '0'),
})

const best = (scores: Float32Array): number[] =>
  Array.from(scores.keys())
    .sort((a, b) => scores[b]! - scores[a]!)
    .slice(0, TOP)

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
