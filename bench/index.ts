import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { VectorShape } from '../src/pictureIndex/pictureRow.js'
import { PictureTable } from '../src/pictureIndex/pictureTable.js'
import { cosine } from '../src/tasks/retriever.js'
import type { Benchmark } from './main.js'
import { medianSeconds, randomValues } from './measure.js'

const BATCH = 1000
/** Pictures show one of these, and parts of others; a text names one. */
const CONCEPTS = 2000
const TEXTS = 20
const TOP = 10

/** `--pictures N` (default 100,000) of `--queries N` vectors of `--width N` numbers (default: those of models/emoji). */
export const takesArguments = true

/**
 * The picture index over synthetic pictures: each has vectors around a concept, a third of them around others, with
 * noise of its own and of each vector. 100,000 take about a minute and 0.9 GB of disk while the index is made, a million
 * ten times that; with BLIP-2's own sizes (`--queries 32 --width 256`) eight times as much for each.
 */
export const bench: Benchmark = async (note, args) => {
  const { pictures: count, ...shape } = settingsOf(args)
  const folder = await mkdtemp(join(tmpdir(), 'blip2-bench-index-'))
  try {
    const made = synthetic(shape)
    const table = await PictureTable.create(folder, shape)
    const scores = made.texts.map(() => new Float32Array(count))
    let seconds = 0
    for (let first = 0; first < count; first += BATCH) {
      const pictures = Array.from({ length: Math.min(BATCH, count - first) }, () => made.picture())
      made.texts.forEach((text, t) => {
        pictures.forEach((vectors, i) => {
          scores[t]![first + i] = cosine(vectors, text)
        })
      })
      const rows = pictures.map((vectors, i) => ({ ...stateOf(first + i), vectors }))
      const start = performance.now()
      await table.put(rows)
      seconds += (performance.now() - start) / 1000
      const written = first + pictures.length
      if (written % (100 * BATCH) === 0 || written === count) note(`wrote ${written} pictures`)
    }
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
    const rows = Array.from({ length: shape.queries }, (_, i) =>
      picture.subarray(i * shape.width, (i + 1) * shape.width),
    )
    const similarSeconds = await medianSeconds(() => table.nearest(rows, TOP, false), 10)
    table.close()
    return {
      pictures: count,
      ...shape,
      writePicturesPerSecond: count / seconds,
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

function settingsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pictures: { type: 'string', default: '100000' },
      queries: { type: 'string', default: '8' },
      width: { type: 'string', default: '128' },
    },
  })
  return { pictures: Number(values.pictures), queries: Number(values.queries), width: Number(values.width) }
}

function synthetic({ queries, width }: VectorShape) {
  const noise = randomValues(4_000_037, 1)
  let at = 0
  const take = (into: Float32Array, scale: number) => {
    for (let i = 0; i < into.length; i++) {
      at = at + 1 < noise.length ? at + 1 : 0
      into[i]! += scale * noise[at]!
    }
    return into
  }
  const concepts = Array.from({ length: CONCEPTS }, () => take(new Float32Array(width), 1))
  const draw = () => concepts[Math.floor(((take(new Float32Array(1), 1)[0]! + 1) / 2) * CONCEPTS) % CONCEPTS]!
  const texts = Array.from({ length: TEXTS }, () => unit(take(draw().slice(), 0.7)))
  const picture = () => {
    const vectors = new Float32Array(queries * width)
    const [concept, own] = [draw(), take(new Float32Array(width), 0.5)]
    for (let query = 0; query < queries; query++) {
      const shown = query % 3 === 2 ? draw() : concept
      const vector = shown.map((value, i) => value + own[i]!)
      vectors.set(unit(take(vector, 0.5)), query * width)
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
