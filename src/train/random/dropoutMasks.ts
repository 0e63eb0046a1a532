import { ConfigError } from '../../errors.js'
import { alignUp, allocateKernelMemory, type Kernels, MAX_MEMORY_BYTES } from '../kernels/kernelMemory.js'
import { sequenceKeys } from './counterHash.js'

/** The keys of the random sequence that a mask is drawn from. */
export const maskKeys = (seed: number, step: number, name: string): readonly [number, number] =>
  sequenceKeys(seed, `dropout/${step}/${name}`)

/** As the kernel takes a probability: 16 bits, signed. */
export const maskThreshold = (probability: number): number => Math.min(Math.round(probability * 65536), 65535) - 32768

/** One dropout of a graph. */
export interface DropoutSite {
  readonly name: string
  /** Number of values it is applied to. */
  readonly size: number
  /** Share of the values that is dropped, in [0, 1); kept to a precision of 1/65536. */
  readonly probability: number
}

interface PlacedSite extends DropoutSite {
  readonly mask: Uint8Array<ArrayBuffer>
}

/**
 * The masks of all dropouts of a model, 1 to keep and 0 to drop, on one WebAssembly memory that the runtime reads in
 * place. A mask depends on the seed, the step and the site's name only, so a resumed run draws the same ones.
 */
export class DropoutMasks {
  readonly #seed: number
  readonly #kernels: Kernels
  readonly #sites: ReadonlyMap<string, PlacedSite>

  constructor(seed: number, sites: readonly DropoutSite[]) {
    for (const { name, probability } of sites)
      if (!(probability >= 0 && probability < 1))
        throw new ConfigError(`dropout ${name}: the probability is in [0, 1), got ${probability}`)
    const bytes = sites.reduce((sum, { size }) => sum + alignUp(size), 0)
    if (bytes > MAX_MEMORY_BYTES)
      throw new ConfigError(`the dropout masks take ${bytes} bytes, more than ${MAX_MEMORY_BYTES}; use a smaller batch`)
    const { buffer, kernels } = allocateKernelMemory(bytes)
    this.#seed = seed
    this.#kernels = kernels
    let offset = 0
    const placed = sites.map((site): [string, PlacedSite] => {
      const mask = new Uint8Array(buffer, offset, site.size)
      offset += alignUp(site.size)
      return [site.name, { ...site, mask }]
    })
    this.#sites = new Map(placed)
    if (this.#sites.size < sites.length) throw new ConfigError('two dropouts have the same name')
  }

  /** The mask of a site: all 0 before the first `fill`, always the same array. */
  mask(name: string): Uint8Array<ArrayBuffer> {
    const site = this.#sites.get(name)
    if (site === undefined) throw new ConfigError(`no dropout is called ${JSON.stringify(name)}`)
    return site.mask
  }

  /** Draws every mask of a training step. */
  fill(step: number): void {
    for (const { name, mask, probability } of this.#sites.values()) {
      const [key0, key1] = maskKeys(this.#seed, step, name)
      this.#kernels.fillDropoutMask(mask.byteOffset, alignUp(mask.length), key0, key1, maskThreshold(probability))
    }
  }
}
