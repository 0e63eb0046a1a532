import { OutOfMemoryError } from '../../errors.js'
import { KERNELS_BASE64 } from './kernels.generated.js'

/** The functions of assembly/. Pointers and lengths are bytes in the memory that the kernels work on. */
export interface Kernels {
  adamwStep(
    value: number,
    gradient: number,
    first: number,
    second: number,
    bytes: number,
    gradientScale: number,
    keep: number,
    oneMinusBeta1: number,
    beta2: number,
    oneMinusBeta2: number,
    stepSize: number,
    rootScale: number,
    eps: number,
  ): void
  sumSquares(values: number, bytes: number): number
  fillDropoutMask(mask: number, bytes: number, key0: number, key1: number, threshold: number): void
}

/** Arrays given to the kernels begin on a multiple of this, a cache line, and own the bytes up to the next one. */
export const ALIGNMENT_BYTES = 64

export const alignUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES

/** wasm32 addresses 4 GiB; the last page stays free so that the end of an array is an address too. */
export const MAX_MEMORY_BYTES = 65535 * 65536

export interface KernelMemory {
  /** Zeroed, and never moved or grown: views of it stay valid, and the runtime reads and writes them in place. */
  readonly buffer: ArrayBuffer
  readonly kernels: Kernels
}

/**
 * A WebAssembly memory of at least `bytes` bytes (at most MAX_MEMORY_BYTES) with the kernels working on it. Pages take
 * memory when they are first touched. Throws an OutOfMemoryError where the address space is not to be had.
 */
export function allocateKernelMemory(bytes: number): KernelMemory {
  const pages = Math.ceil(bytes / 65536)
  let memory: WebAssembly.Memory
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  } catch (cause) {
    throw new OutOfMemoryError(`the machine has no room for ${bytes} bytes of training state`, { cause })
  }
  const module = new WebAssembly.Module(Buffer.from(KERNELS_BASE64, 'base64'))
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return { buffer: memory.buffer, kernels: exports as unknown as Kernels }
}
