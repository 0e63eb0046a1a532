import { KERNELS_BASE64 } from './kernels.generated.js'

/** The functions of assembly/. Pointers and lengths are bytes in the memory the kernels were instantiated on. */
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

export const PAGE_BYTES = 65536

/** The kernels, working on `memory`, which must not grow afterwards: that would detach every view of it. */
export function instantiateKernels(memory: WebAssembly.Memory): Kernels {
  const module = new WebAssembly.Module(Buffer.from(KERNELS_BASE64, 'base64'))
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
}
