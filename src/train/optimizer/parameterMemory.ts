import { ConfigError, ShapeError } from '../../errors.js'
import { ALIGNMENT_BYTES, type Kernels, MAX_MEMORY_BYTES } from '../kernels/kernelMemory.js'
import { type ArenaRole, packBanks, type ParameterArrays, ParameterBank, type ParameterSpec } from './parameterBank.js'

export type { ArenaRole, ParameterArrays, ParameterSpec } from './parameterBank.js'

/** Elements of the arenas one after the other, from `first` up to `end`; both on a cache line. */
export interface ArenaRange {
  readonly first: number
  readonly end: number
}

export interface ParameterMemoryOptions {
  /** Bytes of one WebAssembly memory at most (default: the 4 GiB that one can address). */
  readonly bankBytes?: number
}

/**
 * Values, gradients and moments of all trainable parameters, as float32 and zero at first, in WebAssembly memories of
 * fixed size: the runtime reads values and writes gradients in place, the optimiser's kernel works on the same bytes.
 * 16 bytes a parameter; one memory holds 268 million of them, and there are as many memories as it takes.
 */
export class ParameterMemory {
  readonly parameters: readonly ParameterArrays[]
  readonly #banks: readonly ParameterBank[]
  #gradientSums: readonly Float32Array[] | undefined
  readonly #byName: ReadonlyMap<string, ParameterArrays>
  /** Rows that hold something since `clearRows`. */
  #touched: { readonly gradient: Float32Array; readonly width: number; readonly id: number }[] = []

  constructor(specs: readonly ParameterSpec[], { bankBytes = MAX_MEMORY_BYTES }: ParameterMemoryOptions = {}) {
    this.#banks = packBanks(specs, bankBytes).map((some) => new ParameterBank(some))
    this.parameters = this.#banks.flatMap(({ parameters }) => parameters)
    this.#byName = new Map(this.parameters.map((parameter) => [parameter.name, parameter]))
    if (this.#byName.size < specs.length) throw new ConfigError('two trainable parameters have the same name')
  }

  /** The arrays of a parameter; a name that is not there throws a ConfigError. */
  parameter(name: string): ParameterArrays {
    const parameter = this.#byName.get(name)
    if (parameter === undefined) throw new ConfigError(`no trainable parameter is called ${JSON.stringify(name)}`)
    return parameter
  }

  /** All arrays of one role: one after the other in each memory, with zeros where the alignment leaves room. */
  arenas(role: ArenaRole): readonly Float32Array<ArrayBuffer>[] {
    return this.#banks.map((bank) => bank.arena(role))
  }

  /** Elements of all arenas of a role together. */
  get arenaLength(): number {
    return this.#banks.reduce((sum, { length }) => sum + length, 0)
  }

  /** What lies in a range of the arenas of a role: one view in each memory that the range touches. */
  viewsOf(role: ArenaRole, { first, end }: ArenaRange): readonly Float32Array<ArrayBuffer>[] {
    let before = 0
    return this.#banks.flatMap((bank) => {
      const [from, to] = [Math.max(0, first - before), Math.min(bank.length, end - before)]
      before += bank.length
      return from < to ? [bank.arena(role).subarray(from, to)] : []
    })
  }

  /** The arenas in consecutive ranges of nearly one length. */
  evenRanges(count: number): readonly ArenaRange[] {
    const length = this.arenaLength
    const line = ALIGNMENT_BYTES / Float32Array.BYTES_PER_ELEMENT
    const size = Math.ceil(length / count / line) * line
    return Array.from({ length: count }, (_, i) => ({
      first: Math.min(i * size, length),
      end: Math.min((i + 1) * size, length),
    }))
  }

  /** Where one of the arrays begins in the arenas of its role, in elements. */
  offsetOf(array: Float32Array): number {
    let before = 0
    for (const bank of this.#banks) {
      if (bank.buffer === array.buffer) return before + bank.offsetOf(array)
      before += bank.length
    }
    throw new ConfigError('an array that is none of this memory has no place in it')
  }

  /** The kernels that reach one of the arrays. */
  kernelsOf(array: Float32Array): Kernels {
    const bank = this.#banks.find(({ buffer }) => buffer === array.buffer)
    if (!bank) throw new ConfigError('no kernel reaches an array that is none of this memory')
    return bank.kernels
  }

  /** As long as the gradients' arenas: room to add them up over several passes; it takes memory when first asked for. */
  get gradientSums(): readonly Float32Array[] {
    this.#gradientSums ??= this.#banks.map(({ length }) => new Float32Array(length))
    return this.#gradientSums
  }

  value(name: string): Float32Array<ArrayBuffer> {
    return this.parameter(name).value
  }

  gradient(name: string): Float32Array<ArrayBuffer> {
    return this.parameter(name).gradient
  }

  /**
   * Adds rows to the gradient of a table; an id that comes twice adds twice.
   * @param ids [rows]
   * @param rows [rows, width], where the table is [entries, width]
   */
  addRows(name: string, ids: BigInt64Array | Int32Array, rows: Float32Array): void {
    const { gradient, width } = this.#table(name, ids)
    if (rows.length !== ids.length * width)
      throw new ShapeError(`${name}: ${ids.length} rows of ${width} expected, got ${rows.length} values`)
    for (let row = 0; row < ids.length; row++) {
      const target = Number(ids[row]) * width
      const source = row * width
      for (let i = 0; i < width; i++) gradient[target + i]! += rows[source + i]!
      this.#touched.push({ gradient, width, id: Number(ids[row]) })
    }
  }

  /** Zeroes the rows that `addRows` has touched; cheaper than whole tables. */
  clearRows(): void {
    for (const { gradient, width, id } of this.#touched) gradient.fill(0, id * width, (id + 1) * width)
    this.#touched = []
  }

  zeroGradients(): void {
    for (const arena of this.arenas('gradient')) arena.fill(0)
  }

  /** Euclidean norm of all gradients together, added up in float64: finite exactly when every gradient is. */
  globalNorm(): number {
    const squares = this.#banks.map((bank) => {
      const { byteOffset, byteLength } = bank.arena('gradient')
      return bank.kernels.sumSquares(byteOffset, byteLength)
    })
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0))
  }

  #table(name: string, ids: BigInt64Array | Int32Array): { gradient: Float32Array; width: number } {
    const { gradient, shape } = this.parameter(name)
    const [entries, width] = shape
    if (shape.length !== 2 || entries === undefined || width === undefined)
      throw new ShapeError(`${name}: expected a table [entries, width], its shape is [${shape.join(', ')}]`)
    for (const id of ids)
      if (id < 0 || id >= entries) throw new ShapeError(`${name}: id ${id} is outside a table of ${entries} entries`)
    return { gradient, width }
  }
}
