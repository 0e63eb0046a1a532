import type { AdamW } from '../optimizer/adamw.js'
import type { ArenaRange, ParameterMemory } from '../optimizer/parameterMemory.js'
import type { TensorToWrite } from '../../weights/safetensors/write.js'
import type { Communicator } from './communicator.js'

/** Values are told to the others in so many parts of each rank's share, while later parts are computed. */
const PARTS = 4

/**
 * The optimiser's state shared out over the ranks (ZeRO's first stage; Rajbhandari et al. 2020): each rank keeps the
 * moments of its share of the parameters, updates their values, and tells the others. Memory that is never touched is
 * never taken, so each rank saves 8 bytes for each parameter that is not its own.
 */
export class OptimizerShards {
  readonly #communicator: Communicator
  readonly #memory: ParameterMemory
  /** By rank. */
  readonly #shares: readonly ArenaRange[]

  constructor(communicator: Communicator, memory: ParameterMemory) {
    this.#communicator = communicator
    this.#memory = memory
    this.#shares = memory.evenRanges(communicator.size)
  }

  /** One step of the optimiser over all ranks. Each has the gradients of all parameters. */
  async step(optimizer: AdamW, options: Parameters<AdamW['step']>[0]): Promise<ReturnType<AdamW['step']>> {
    const told: Promise<void>[] = []
    const shares = this.#shares.map(partsOf)
    const update = optimizer.begin(options)
    for (let part = 0; part < PARTS; part++) {
      update.apply(shares[this.#communicator.rank]![part]!)
      for (const [owner, parts] of shares.entries()) {
        for (const values of this.#memory.viewsOf('value', parts[part]!))
          told.push(this.#communicator.broadcast(values, owner))
      }
    }
    await Promise.all(told)
    return update.result
  }

  /** Rank 0's moments for a checkpoint: each is collected when it is written, while the others run `give`. */
  collected(optimizer: AdamW): Map<string, TensorToWrite> {
    return new Map(
      [...optimizer.moments()].map(([name, { shape, data }]) => [
        name,
        { shape, dtype: 'F32', read: () => this.#collect(data) },
      ]),
    )
  }

  /** The other ranks' part in a checkpoint. */
  async give(optimizer: AdamW): Promise<void> {
    for (const { data } of optimizer.moments().values()) await this.#collect(data)
  }

  /**
   * Gives each rank the moments of its share.
   * @param read On rank 0: a moment of the checkpoint, by name.
   */
  async restore(optimizer: AdamW, read?: (name: string) => Promise<Float32Array>): Promise<void> {
    for (const [name, { data }] of optimizer.moments()) {
      const whole = read ? await read(name) : new Float32Array(data.length)
      await this.#communicator.broadcast(whole)
      const { first, end } = this.#ownPart(data, this.#communicator.rank)
      data.set(whole.subarray(first, end), first)
    }
  }

  /** A whole moment out of its owners' parts, on every rank; the arrays of this rank stay as they are. */
  async #collect(data: Float32Array): Promise<Float32Array> {
    const whole = new Float32Array(data.length)
    for (const owner of this.#shares.keys()) {
      const { first, end } = this.#ownPart(data, owner)
      if (end <= first) continue
      const part = whole.subarray(first, end)
      if (owner === this.#communicator.rank) part.set(data.subarray(first, end))
      await this.#communicator.broadcast(part, owner)
    }
    return whole
  }

  /** Which elements of a moment are in a rank's share. */
  #ownPart(data: Float32Array, owner: number): ArenaRange {
    const offset = this.#memory.offsetOf(data)
    const { first, end } = this.#shares[owner]!
    const within = (place: number) => Math.min(Math.max(place - offset, 0), data.length)
    return { first: within(first), end: within(end) }
  }
}

/** Consecutive parts of a range, each beginning on a cache line. */
function partsOf({ first, end }: ArenaRange): readonly ArenaRange[] {
  const size = Math.ceil((end - first) / PARTS / LINE) * LINE
  return Array.from({ length: PARTS }, (_, part) => ({
    first: Math.min(first + part * size, end),
    end: Math.min(first + (part + 1) * size, end),
  }))
}

/** Values in a cache line. */
const LINE = 16
