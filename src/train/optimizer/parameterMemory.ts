import { ConfigError, ShapeError } from '../../errors.js'
import {
  ALIGNMENT_BYTES,
  alignUp,
  allocateKernelMemory,
  type Kernels,
  MAX_MEMORY_BYTES,
} from '../kernels/kernelMemory.js'

export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
}

/** What the arrays of a parameter are for. */
export type ArenaRole = 'value' | 'gradient' | 'firstMoment' | 'secondMoment'

/** Elements of an arena, from `first` up to `end`; both on a cache line. */
export interface ArenaRange {
  readonly first: number
  readonly end: number
}

/** The four arrays of one trainable parameter: views of one WebAssembly memory, valid for its whole life. */
export interface ParameterArrays extends ParameterSpec {
  readonly value: Float32Array<ArrayBuffer>
  readonly gradient: Float32Array<ArrayBuffer>
  /** Adam's running mean of the gradient. */
  readonly firstMoment: Float32Array<ArrayBuffer>
  /** Adam's running mean of the squared gradient. */
  readonly secondMoment: Float32Array<ArrayBuffer>
}

/**
 * Values, gradients and moments of all trainable parameters, as float32 and zero at first, in one WebAssembly memory of
 * fixed size: the runtime reads values and writes gradients in place, the optimiser's kernel works on the same bytes.
 * 16 bytes a parameter: up to 268 million of them fit; more throws a ConfigError.
 */
export class ParameterMemory {
  readonly kernels: Kernels
  readonly parameters: readonly ParameterArrays[]
  readonly #arenaStride: number
  #gradientSum: Float32Array | undefined
  readonly #byName: ReadonlyMap<string, ParameterArrays>
  /** Rows that hold something since `clearRows`. */
  #touched: { readonly gradient: Float32Array; readonly width: number; readonly id: number }[] = []

  constructor(specs: readonly ParameterSpec[]) {
    const counts = specs.map(({ shape }) => shape.reduce((product, size) => product * size, 1))
    const arenaBytes = counts.reduce((bytes, count) => bytes + alignUp(4 * count), 0)
    // One arena a role. The odd distance keeps the four streams of a step apart in the caches, whose sets repeat every 4 KiB.
    const arenaStride = arenaBytes + 13 * ALIGNMENT_BYTES
    this.#arenaStride = arenaStride
    const totalBytes = 4 * arenaStride
    if (totalBytes > MAX_MEMORY_BYTES)
      throw new ConfigError(
        `training ${counts.reduce((a, b) => a + b, 0)} parameters takes ${gibibytes(totalBytes)} GiB for values, gradients and moments; at most ${gibibytes(MAX_MEMORY_BYTES)} GiB can be addressed. Train fewer parameters: freeze the image encoder or use a smaller Q-Former.`,
      )
    const { buffer, kernels } = allocateKernelMemory(totalBytes)
    this.kernels = kernels
    let offset = 0
    this.parameters = specs.map(({ name, shape }, i) => {
      const arena = (role: number) => new Float32Array(buffer, role * arenaStride + offset, counts[i])
      const arrays = { name, shape, value: arena(0), gradient: arena(1), firstMoment: arena(2), secondMoment: arena(3) }
      offset += alignUp(4 * counts[i]!)
      return arrays
    })
    this.#byName = new Map(this.parameters.map((parameter) => [parameter.name, parameter]))
    if (this.#byName.size < specs.length) throw new ConfigError('two trainable parameters have the same name')
  }

  /** The arrays of a parameter; a name that is not there throws a ConfigError. */
  parameter(name: string): ParameterArrays {
    const parameter = this.#byName.get(name)
    if (parameter === undefined) throw new ConfigError(`no trainable parameter is called ${JSON.stringify(name)}`)
    return parameter
  }

  /** All arrays of one role as one: they lie one after the other, with zeros where the alignment leaves room. */
  arena(role: ArenaRole): Float32Array<ArrayBuffer> {
    const [first, last] = [this.parameters[0]![role], this.parameters.at(-1)![role]]
    const bytes = alignUp(last.byteOffset + last.byteLength) - first.byteOffset
    return new Float32Array(first.buffer, first.byteOffset, bytes / Float32Array.BYTES_PER_ELEMENT)
  }

  /** The arenas in consecutive ranges of nearly one length. */
  evenRanges(count: number): readonly ArenaRange[] {
    const { length } = this.arena('value')
    const line = ALIGNMENT_BYTES / Float32Array.BYTES_PER_ELEMENT
    const size = Math.ceil(length / count / line) * line
    return Array.from({ length: count }, (_, i) => ({
      first: Math.min(i * size, length),
      end: Math.min((i + 1) * size, length),
    }))
  }

  /** Where one of the arrays begins in its arena, in elements. */
  offsetOf(array: Float32Array): number {
    const start = this.parameters[0]!.value.byteOffset
    const role = Math.floor((array.byteOffset - start) / this.#arenaStride)
    return (array.byteOffset - start - role * this.#arenaStride) / Float32Array.BYTES_PER_ELEMENT
  }

  /** As long as the gradients' arena: room to add them up over several passes; it takes memory when first asked for. */
  get gradientSum(): Float32Array {
    this.#gradientSum ??= new Float32Array(this.arena('gradient').length)
    return this.#gradientSum
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
    this.arena('gradient').fill(0)
  }

  /** Euclidean norm of all gradients together, added up in float64: finite exactly when every gradient is. */
  globalNorm(): number {
    const { byteOffset, byteLength } = this.arena('gradient')
    return Math.sqrt(this.kernels.sumSquares(byteOffset, byteLength))
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

const gibibytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(2)
