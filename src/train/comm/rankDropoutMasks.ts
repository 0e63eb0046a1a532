import { ShapeError } from '../../errors.js'
import type { DropoutSite } from '../../nn/dropout.js'
import { type Value, value } from '../../runtime/index.js'
import { alignUp, allocateKernelMemory, type Kernels } from '../kernels/kernelMemory.js'
import { advanceKey } from '../random/counterHash.js'
import { maskKeys, maskThreshold } from '../random/dropoutMasks.js'
import type { RankShare } from './rankShare.js'

/** The kernel draws so many values at once, from half as many numbers of its sequence. */
const GROUP = 16

/** One site, [blocks * own, ...]: ITM passes three blocks of samples, everything else one. */
interface PlacedSite {
  readonly name: string
  readonly mask: Uint8Array<ArrayBuffer>
  readonly blocks: number
  readonly sampleSize: number
  readonly threshold: number
}

/**
 * The masks of one rank's samples: those that DropoutMasks draws for them when one rank has the whole batch. 1 to keep,
 * 0 to drop.
 */
export class RankDropoutMasks {
  readonly #seed: number
  readonly #share: RankShare
  readonly #kernels: Kernels
  readonly #sites: readonly PlacedSite[]
  readonly #feeds: Readonly<Record<string, Value>>
  /** Drawn here in whole groups first; a sample's values begin anywhere. */
  readonly #scratch: Uint8Array<ArrayBuffer>

  constructor(seed: number, sites: readonly DropoutSite[], share: RankShare) {
    const largest = Math.max(0, ...sites.map(({ size }) => size))
    const scratchBytes = alignUp(largest + 2 * GROUP)
    const bytes = sites.reduce((sum, { size }) => sum + alignUp(size), scratchBytes)
    const { buffer, kernels } = allocateKernelMemory(bytes)
    this.#seed = seed
    this.#share = share
    this.#kernels = kernels
    this.#scratch = new Uint8Array(buffer, 0, scratchBytes)
    let offset = scratchBytes
    const feeds: Record<string, Value> = {}
    this.#sites = sites.map(({ name, shape, size, probability }) => {
      const mask = new Uint8Array(buffer, offset, size)
      offset += alignUp(size)
      feeds[name] = value('uint8', shape, mask)
      const blocks = shape[0]! / share.own
      if (!Number.isInteger(blocks))
        throw new ShapeError(`${name}: [${shape.join(', ')}] does not begin with a multiple of ${share.own} samples`)
      return { name, mask, blocks, sampleSize: size / shape[0]!, threshold: maskThreshold(probability) }
    })
    this.#feeds = feeds
  }

  /**
   * Draws every mask of a training step. -> the inputs that they are fed to; always the same arrays
   * @param first Number of the first sample in the whole batch (default: the share's).
   */
  fill(step: number, first = this.#share.first): Readonly<Record<string, Value>> {
    for (const site of this.#sites) this.#draw(step, first, site)
    return this.#feeds
  }

  #draw(step: number, first: number, { name, mask, blocks, sampleSize, threshold }: PlacedSite): void {
    const { all, own } = this.#share
    const [key0, key1] = maskKeys(this.#seed, step, name)
    const size = own * sampleSize
    for (let block = 0; block < blocks; block++) {
      const start = (block * all + first) * sampleSize
      const group = Math.floor(start / GROUP)
      const lead = start - group * GROUP
      const bytes = Math.ceil((lead + size) / GROUP) * GROUP
      const key = advanceKey(key0, (group * GROUP) / 2)
      this.#kernels.fillDropoutMask(this.#scratch.byteOffset, bytes, key, key1, threshold)
      mask.set(this.#scratch.subarray(lead, lead + size), block * size)
    }
  }
}
