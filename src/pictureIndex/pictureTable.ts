import type { Table } from '@lancedb/lancedb'
import { DataError } from '../errors.js'
import { type Arrow, type LanceDb, loadLanceDb } from './lanceDb.js'
import {
  type PictureRow,
  type PictureState,
  pictureSchema,
  rowsOf,
  STATE_COLUMNS,
  statesOf,
  toArrowTable,
  type VectorShape,
} from './pictureRow.js'

export interface Neighbour {
  readonly path: string
  /** Sum over the query vectors of their best cosine with a vector of the picture. */
  readonly score: number
}

const TABLE = 'pictures'
/** The name of the approximate index begins so, and ends in the number of its cells. */
const CELLS = 'cells_'
/** Values of a filter's list in one query. */
const FILTER_VALUES = 500
/**
 * Exact search on two cores compares 140 million numbers a second. From this many on (a seventh of a second), search
 * goes through an approximate index.
 */
const EXACT_NUMBERS = 20e6
/** Part of the approximate index that a search looks through: measured, see docs/index.md. */
const PROBED_PART = 1 / 3
const MIN_PROBES = 32
/** Seconds after which a handle looks whether another process has written: one listing of a folder. */
const SEEN_WITHIN_SECONDS = 1
/** How long what was replaced is kept: other processes may be reading it. */
const KEPT_MS = 3600_000
/** Candidates that are compared exactly, for each one asked for. */
const REFINE = 50

/** The LanceDB table of an index: pictures with all their vectors. Every write is whole or not there at all. */
export class PictureTable {
  readonly #lancedb: LanceDb
  readonly #arrow: Arrow
  readonly #table: Table
  readonly #shape: VectorShape

  private constructor(lancedb: LanceDb, arrow: Arrow, table: Table, shape: VectorShape) {
    this.#lancedb = lancedb
    this.#arrow = arrow
    this.#table = table
    this.#shape = shape
  }

  /** Makes a new table in a folder. */
  static async create(folder: string, shape: VectorShape): Promise<PictureTable> {
    const { lancedb, arrow } = loadLanceDb()
    const database = await lancedb.connect(folder)
    const table = await database.createEmptyTable(TABLE, pictureSchema(arrow, shape))
    return new PictureTable(lancedb, arrow, table, shape)
  }

  /** @throws DataError where the folder holds no table that can be read. */
  static async open(folder: string, shape: VectorShape): Promise<PictureTable> {
    const { lancedb, arrow } = loadLanceDb()
    const database = await lancedb.connect(folder, { readConsistencyInterval: SEEN_WITHIN_SECONDS })
    const table = await database.openTable(TABLE).catch((cause: Error) => {
      throw new DataError(`${folder} is damaged: ${firstLine(cause)}. Remove it and run "blip2 index" again`, { cause })
    })
    return new PictureTable(lancedb, arrow, table, shape)
  }

  count(): Promise<number> {
    return this.#table.countRows()
  }

  /** All pictures without their vectors, by path. */
  async states(): Promise<Map<string, PictureState>> {
    const states = new Map<string, PictureState>()
    for await (const batch of this.#table.query().select([...STATE_COLUMNS]))
      for (const state of statesOf(batch)) states.set(state.path, state)
    return states
  }

  /** The pictures whose column has one of these values. */
  async rowsWhere(column: 'path' | 'content', values: readonly string[]): Promise<PictureRow[]> {
    const rows: PictureRow[] = []
    for (const part of parts(values))
      for await (const batch of this.#table.query().where(isOneOf(column, part))) rows.push(...rowsOf(batch))
    return rows
  }

  /** Adds pictures; one whose path is there already takes its place. */
  async put(rows: readonly PictureRow[]): Promise<void> {
    await this.#table
      .mergeInsert('path')
      .whenMatchedUpdateAll()
      .whenNotMatchedInsertAll()
      .execute(toArrowTable(this.#arrow, rows, this.#shape))
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const part of parts(paths)) await this.#table.delete(isOneOf('path', part))
  }

  /**
   * The pictures nearest to one vector or to all vectors of a picture, best first.
   * @param exact Compares with every picture, whether there is an approximate index or not.
   */
  async nearest(vectors: readonly Float32Array[], limit: number, exact: boolean): Promise<Neighbour[]> {
    const [only] = vectors
    const query = vectors.length === 1 ? this.#table.vectorSearch(only!) : this.#table.vectorSearch([...vectors])
    const search = query.distanceType('cosine').select(['path', '_distance']).limit(limit)
    if (exact) search.bypassVectorIndex()
    else search.nprobes(await this.#probes()).refineFactor(REFINE)
    const found: { path: string; _distance: number }[] = await search.toArray()
    // The distance of several vectors is 1 less the sum of their best cosines.
    return found.map(({ path, _distance }) => ({ path, score: 1 - _distance }))
  }

  /** Joins what was written in pieces, drops what was replaced an hour ago, and brings the approximate index up to date. */
  async tidy(): Promise<void> {
    await this.#table.optimize({ cleanupOlderThan: new Date(Date.now() - KEPT_MS) })
    const vectors = (await this.count()) * this.#shape.queries
    const cells = cellsFor(vectors)
    const old = await this.#cells()
    // Pictures that were added since are in the index already; beyond four times of them its cells are too large.
    if (vectors * this.#shape.width < EXACT_NUMBERS || (old && cells < 2 * old.count)) return
    const config = this.#lancedb.Index.ivfRq({ distanceType: 'cosine', numPartitions: cells })
    await this.#table.createIndex('vectors', { config, name: `${CELLS}${cells}` })
    if (old) await this.#table.dropIndex(old.name)
  }

  close(): void {
    this.#table.close()
  }

  async #probes(): Promise<number> {
    const cells = await this.#cells()
    return Math.max(MIN_PROBES, Math.ceil(PROBED_PART * (cells?.count ?? 0)))
  }

  /** The cells of the approximate index, where there is one. */
  async #cells(): Promise<{ readonly name: string; readonly count: number } | undefined> {
    const indices = await this.#table.listIndices()
    const name = indices.map((index) => index.name).find((one) => one.startsWith(CELLS))
    return name === undefined ? undefined : { name, count: Number(name.slice(CELLS.length)) }
  }
}

/** A power of two near a third of the root of the number of vectors. */
const cellsFor = (vectors: number): number => 2 ** Math.max(0, Math.round(Math.log2(Math.sqrt(vectors) / 3)))

const isOneOf = (column: string, values: readonly string[]): string =>
  `${column} IN (${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')})`

function* parts(values: readonly string[]): Generator<readonly string[]> {
  for (let start = 0; start < values.length; start += FILTER_VALUES) yield values.slice(start, start + FILTER_VALUES)
}

const firstLine = ({ message }: Error): string => message.split('\n')[0]!
