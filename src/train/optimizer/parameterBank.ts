import { ConfigError } from '../../errors.js'
import { ALIGNMENT_BYTES, alignUp, allocateKernelMemory, type Kernels } from '../kernels/kernelMemory.js'

export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
}

/** What the arrays of a parameter are for. */
export type ArenaRole = 'value' | 'gradient' | 'firstMoment' | 'secondMoment'
const ROLES = ['value', 'gradient', 'firstMoment', 'secondMoment'] as const satisfies readonly ArenaRole[]

/** The four arrays of one trainable parameter: views of one WebAssembly memory, valid for its whole life. */
export interface ParameterArrays extends ParameterSpec {
  readonly value: Float32Array<ArrayBuffer>
  readonly gradient: Float32Array<ArrayBuffer>
  /** Adam's running mean of the gradient. */
  readonly firstMoment: Float32Array<ArrayBuffer>
  /** Adam's running mean of the squared gradient. */
  readonly secondMoment: Float32Array<ArrayBuffer>
}

const FLOAT = Float32Array.BYTES_PER_ELEMENT
/** Keeps the four streams of a step apart in the caches, whose sets repeat every 4 KiB. */
const GAP_BYTES = 13 * ALIGNMENT_BYTES

/**
 * Some parameters in one WebAssembly memory of fixed size, as float32 and zero at first. One arena a role, in which they
 * lie one after the other, with zeros where the alignment leaves room.
 */
export class ParameterBank {
  readonly buffer: ArrayBuffer
  readonly kernels: Kernels
  readonly parameters: readonly ParameterArrays[]
  /** Elements of an arena. */
  readonly length: number

  constructor(specs: readonly ParameterSpec[]) {
    this.length = arenaBytes(specs) / FLOAT
    const { buffer, kernels } = allocateKernelMemory(bankBytes(specs))
    this.buffer = buffer
    this.kernels = kernels
    let offset = 0
    this.parameters = specs.map(({ name, shape }) => {
      const length = elements(shape)
      const array = (role: ArenaRole) => new Float32Array(buffer, this.#start(role) + offset, length)
      const [value, gradient, firstMoment, secondMoment] = ROLES.map(array) as FourArrays
      offset += alignUp(FLOAT * length)
      return { name, shape, value, gradient, firstMoment, secondMoment }
    })
  }

  /** All arrays of one role as one. */
  arena(role: ArenaRole): Float32Array<ArrayBuffer> {
    return new Float32Array(this.buffer, this.#start(role), this.length)
  }

  /** Where one of the arrays begins in its arena, in elements. */
  offsetOf({ byteOffset }: Float32Array): number {
    return (byteOffset % this.#stride) / FLOAT
  }

  /** Bytes from the beginning of an arena to that of the next. */
  get #stride(): number {
    return FLOAT * this.length + GAP_BYTES
  }

  #start(role: ArenaRole): number {
    return ROLES.indexOf(role) * this.#stride
  }
}

type FourArrays = [
  ParameterArrays['value'],
  ParameterArrays['value'],
  ParameterArrays['value'],
  ParameterArrays['value'],
]

/**
 * Parameters in their order, as few banks of at most `mostBytes` as that allows. A parameter that is too large for any
 * throws a ConfigError.
 */
export function packBanks(specs: readonly ParameterSpec[], mostBytes: number): ParameterSpec[][] {
  const banks: ParameterSpec[][] = []
  for (const spec of specs) {
    if (bankBytes([spec]) > mostBytes)
      throw new ConfigError(
        `the trainable parameter ${spec.name} takes ${gibibytes(bankBytes([spec]))} GiB for values, gradients and moments; at most ${gibibytes(mostBytes)} GiB can be addressed at once. Freeze it, or split it.`,
      )
    const last = banks.at(-1)
    if (last && bankBytes([...last, spec]) <= mostBytes) last.push(spec)
    else banks.push([spec])
  }
  return banks
}

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

const arenaBytes = (specs: readonly ParameterSpec[]): number =>
  specs.reduce((bytes, { shape }) => bytes + alignUp(FLOAT * elements(shape)), 0)

const bankBytes = (specs: readonly ParameterSpec[]): number => ROLES.length * (arenaBytes(specs) + GAP_BYTES)

const gibibytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(2)
