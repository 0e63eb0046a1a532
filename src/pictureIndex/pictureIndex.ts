import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConfigError, DisposedError, type ImageError } from '../errors.js'
import type { Blip2Methods } from '../tasks/blip2.js'
import type { ImageInput } from '../tasks/imageEncoder.js'
import { type Duplicate, findDuplicates } from './duplicates.js'
import { type IndexSettings, readIndexSettings, writeIndexSettings } from './indexSettings.js'
import { isSameModel, probeModel } from './modelProbe.js'
import { PictureTable } from './pictureTable.js'
import { type FoundPicture, rerankFound } from './rerankFound.js'
import { type IndexUpdate, type UpdateOptions, updateIndex } from './updateIndex.js'

export interface IndexSearchOptions {
  /** Pictures returned at most. Default 10. */
  readonly top?: number
  /** Compare with every picture even where a large index has an approximate one. Default false. */
  readonly exact?: boolean
  readonly signal?: AbortSignal
}

export interface TextSearchOptions extends IndexSearchOptions {
  /** Best pictures by ITC that are opened and ordered anew by ITM logit + ITC cosine, as the authors do. Default 0. */
  readonly rerank?: number
  /** Is told of each candidate that can no longer be read; it is left out. */
  readonly onBroken?: (path: string, error: ImageError) => void
}

/** A picture of the index that is like the one asked about. */
export interface SimilarPicture {
  readonly path: string
  /** Mean over the query vectors of the picture asked about of their best cosine with this one; 1 for the same. */
  readonly similarity: number
}

/**
 * Pictures on disk with the vectors that a model made of them, in a folder such as album.lance, for search by words and
 * by pictures. The ITC score of a text with a picture, the best over the queries, is computed by the data base itself.
 * Needs the package @lancedb/lancedb. One update at a time; searches may go on beside it.
 */
export class PictureIndex {
  readonly #table: PictureTable
  readonly #settings: IndexSettings
  readonly #folder: string
  /** Models that were found to be the index's own. */
  readonly #known = new WeakSet<Blip2Methods>()
  #closed = false

  private constructor(folder: string, table: PictureTable, settings: IndexSettings) {
    this.#folder = folder
    this.#table = table
    this.#settings = settings
  }

  /**
   * Makes an empty index for the vectors of a model (stage 1 is needed).
   * @param name Directory or hub id of the model: what a search opens where nothing else is said.
   * @throws ConfigError where there is something of that name; ModelNotFoundError for a model without stage 1.
   */
  static async create(folder: string, model: Blip2Methods, { name = '' } = {}): Promise<PictureIndex> {
    if (await exists(folder)) throw new ConfigError(`${folder} is there already; give another name, or open it`)
    const probe = await probeModel(model)
    const temporary = `${folder}.${process.pid}.tmp`
    try {
      await mkdir(temporary, { recursive: true })
      const table = await PictureTable.create(temporary, probe)
      table.close()
      await writeIndexSettings(temporary, { format: 'blip2-index', version: 1, model: name, probe })
      await rename(temporary, folder)
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
    return PictureIndex.open(folder)
  }

  /** @throws DataError where there is no index or it is damaged. */
  static async open(folder: string): Promise<PictureIndex> {
    const settings = await readIndexSettings(folder)
    return new PictureIndex(folder, await PictureTable.open(folder, settings.probe), settings)
  }

  /** Directory or hub id of the model that the index was made with; empty where none was given. */
  get modelName(): string {
    return this.#settings.model
  }

  /** Number of pictures. */
  count(): Promise<number> {
    return this.#open.count()
  }

  /**
   * Adds pictures that are new in folders (and the folders in them) or are named themselves, reads those anew that
   * changed, and takes out those that are gone. Stopped in any way, the next update goes on where this one was.
   * @throws ConfigError for another model than the index was made with; DataError for a path that is not there.
   */
  async update(model: Blip2Methods, paths: readonly string[], options: UpdateOptions = {}): Promise<IndexUpdate> {
    await this.#check(model)
    return updateIndex(this.#open, model, paths, options)
  }

  /** The pictures that fit a text best, best first. @throws ConfigError for another model than the index was made with. */
  async search(model: Blip2Methods, text: string, options: TextSearchOptions = {}): Promise<FoundPicture[]> {
    const { top = 10, rerank = 0, exact = false, onBroken, signal } = options
    await this.#check(model)
    const vector = await model.embedText(text, signal ? { signal } : {})
    const nearest = await this.#open.nearest([vector], Math.max(top, rerank), exact)
    const found = nearest.map(({ path, score }) => ({ path, itc: score }))
    const first = await rerankFound(model, text, found.slice(0, rerank), { onBroken, signal })
    return [...first, ...found.slice(rerank)].slice(0, top)
  }

  /**
   * The pictures most like a picture, best first; a file that is in the index itself is left out.
   * @throws ConfigError for another model than the index was made with; ImageError where the picture cannot be read.
   */
  async similar(model: Blip2Methods, image: ImageInput, options: IndexSearchOptions = {}): Promise<SimilarPicture[]> {
    const { top = 10, exact = false, signal } = options
    await this.#check(model)
    const vectors = await model.embedImage(image, signal ? { signal } : {})
    const { queries, width } = this.#settings.probe
    const rows = Array.from({ length: queries }, (_, i) => vectors.subarray(i * width, (i + 1) * width))
    const own = typeof image === 'string' ? resolve(image) : undefined
    const nearest = await this.#open.nearest(rows, top + 1, exact)
    return nearest
      .filter(({ path }) => path !== own)
      .slice(0, top)
      .map(({ path, score }) => ({ path, similarity: score / queries }))
  }

  /**
   * Groups of pictures that show the same: copies, also of another size or compression; the largest file first.
   * @param options.similarity From which on the vectors of two pictures that look alike count as the same. Default 0.95.
   */
  async duplicates({ similarity = 0.95 } = {}): Promise<Duplicate[][]> {
    const states = await this.#open.states()
    return findDuplicates(
      states.values(),
      (paths) => this.#open.rowsWhere('path', paths),
      this.#settings.probe,
      similarity,
    )
  }

  /** Closes the files; a second call does nothing. */
  close(): void {
    if (!this.#closed) this.#table.close()
    this.#closed = true
  }

  [Symbol.dispose](): void {
    this.close()
  }

  get #open(): PictureTable {
    if (this.#closed) throw new DisposedError(`the index ${this.#folder} was closed; open it again`)
    return this.#table
  }

  async #check(model: Blip2Methods): Promise<void> {
    if (this.#closed || this.#known.has(model)) return
    if (!isSameModel(this.#settings.probe, await probeModel(model)))
      throw new ConfigError(
        `${this.#folder} was made with another model${this.modelName && ` (${this.modelName})`}, whose vectors do not compare with this one's; give that model, or make a new index`,
      )
    this.#known.add(model)
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
