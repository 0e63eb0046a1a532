import { readAhead } from '../data/loader/readAhead.js'
import type { ImageError } from '../errors.js'
import { lookHash } from '../image/lookHash.js'
import type { Blip2Methods } from '../tasks/blip2.js'
import { listPictures, type PictureFile } from './listPictures.js'
import type { PictureRow, PictureState } from './pictureRow.js'
import type { PictureTable } from './pictureTable.js'
import { type ReadPicture, readPictures } from './readPictures.js'

export interface UpdateOptions {
  /** Is told of each file that cannot be read; the others are indexed all the same. */
  readonly onBroken?: (path: string, error: ImageError) => void
  /** Files that were new or changed and have been read, of all that were. */
  readonly onProgress?: (done: number, total: number) => void
  /** Stops after the pictures at hand, which are kept. */
  readonly signal?: AbortSignal
}

/** What an update found, in pictures. */
export interface IndexUpdate {
  readonly added: number
  /** The file holds something else than before. */
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
  readonly broken: number
}

/** Rows are written when there are this many, or when the oldest has waited this long: a kill loses no more work. */
const WRITE_ROWS = 256
const WRITE_MS = 10_000
/** A file written so shortly before it was read may have been written again within the clock's step. */
const CLOCK_STEP_MS = 2_000

/**
 * Makes a table agree with the pictures on disk. A file is read again where its size or time differ, or its time is too
 * close to that of the last reading; a content that the table holds already, under whatever path, is not encoded again.
 */
export async function updateIndex(
  table: PictureTable,
  model: Blip2Methods,
  paths: readonly string[],
  options: UpdateOptions,
): Promise<IndexUpdate> {
  const broken = new Set<string>()
  const onBroken = (path: string, error: ImageError) => {
    broken.add(path)
    options.onBroken?.(path, error)
  }
  const { files, covers } = await listPictures(paths, onBroken)
  const known = await table.states()
  const pending = files.filter((file) => !isUnchanged(file, known.get(file.path)))
  const counts = { added: 0, changed: 0, unchanged: files.length - pending.length }
  const contents = new Set([...known.values()].map(({ content }) => content))
  const waiting = new WaitingRows(table)
  const reading = readPictures(pending, {
    rowsOf: (hashes) =>
      table.rowsWhere(
        'content',
        hashes.filter((hash) => contents.has(hash)),
      ),
    onBroken,
    signal: options.signal,
  })
  let done = 0
  try {
    // The next pictures are decoded while these are encoded.
    for await (const group of readAhead(reading, 1)) {
      const rows = await toRows(group, model, options.signal)
      for (const { path, content } of rows) counts[changeOf(known.get(path), content)]++
      await waiting.add(rows)
      done += group.length
      options.onProgress?.(done + broken.size, pending.length)
    }
  } finally {
    await waiting.write()
  }
  const there = new Set(files.map(({ path }) => path))
  const gone = [...known.keys()].filter((path) => covers(path) && (!there.has(path) || broken.has(path)))
  await table.remove(gone)
  if (pending.length + gone.length > 0) await table.tidy()
  return { ...counts, removed: gone.length, broken: broken.size }
}

const isUnchanged = (file: PictureFile, state: PictureState | undefined): boolean =>
  state !== undefined &&
  state.bytes === file.bytes &&
  state.modified === file.modified &&
  state.modified < state.indexed - CLOCK_STEP_MS

function changeOf(before: PictureState | undefined, content: string): 'added' | 'changed' | 'unchanged' {
  if (!before) return 'added'
  return before.content === content ? 'unchanged' : 'changed'
}

async function toRows(group: readonly ReadPicture[], model: Blip2Methods, signal?: AbortSignal): Promise<PictureRow[]> {
  const fresh = group.flatMap(({ image }) => image ?? [])
  const options = signal ? { signal } : {}
  const images = fresh.map(({ rgb, width, height }) => ({ data: rgb, width, height, channels: 3 as const }))
  const vectors = await model.embedImage(images, options)
  let next = 0
  return Promise.all(
    group.map(async ({ file, content, image, same }): Promise<PictureRow> => {
      const state = { ...file, indexed: Date.now(), content }
      if (same) return { ...state, look: same.look, vectors: same.vectors }
      const own = vectors[next++]!
      return { ...state, look: await lookHash(image), vectors: own }
    }),
  )
}

/** Rows on their way to the table. */
class WaitingRows {
  readonly #table: PictureTable
  #rows: PictureRow[] = []
  #since = Date.now()

  constructor(table: PictureTable) {
    this.#table = table
  }

  async add(rows: readonly PictureRow[]): Promise<void> {
    if (this.#rows.length === 0) this.#since = Date.now()
    this.#rows.push(...rows)
    if (this.#rows.length >= WRITE_ROWS || Date.now() - this.#since >= WRITE_MS) await this.write()
  }

  async write(): Promise<void> {
    const rows = this.#rows
    this.#rows = []
    if (rows.length > 0) await this.#table.put(rows)
  }
}
