import { createHash } from 'node:crypto'
import { ConfigError } from '../../errors.js'
import type { AdamW } from '../optimizer/adamw.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import type { Communicator } from './communicator.js'

/**
 * What several ranks add to a training whose weights each of them holds: they begin alike, and apply the mean of their
 * gradients. With one rank nothing is computed.
 */
export class Replicas {
  readonly #communicator: Communicator
  readonly #memory: ParameterMemory

  constructor(communicator: Communicator, memory: ParameterMemory) {
    this.#communicator = communicator
    this.#memory = memory
  }

  /** What the optimiser multiplies the gradients by after `add`. */
  get gradientScale(): number {
    return 1 / this.#communicator.size
  }

  /** Throws a ConfigError where a rank was started with other settings or inputs than rank 0. */
  async checkAlike(config: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#isAlone) return
    const own = Int32Array.of(createHash('sha256').update(JSON.stringify(config)).digest().readInt32LE())
    const hashes = await this.#communicator.allGather(own)
    const other = hashes.findIndex((hash) => hash !== hashes[0])
    if (other >= 0)
      throw new ConfigError(
        `rank ${other} has other settings or inputs than rank 0; start all ranks with one command, on machines with the same files`,
      )
  }

  /**
   * Gives all ranks rank 0's weights, its optimiser's state and the steps it has done. -> these steps
   * @param moments Whether the optimiser's moments are among it (default true).
   */
  async begin(done: number, optimizer: AdamW, moments = true): Promise<number> {
    if (this.#isAlone) return done
    const steps = Int32Array.of(done, optimizer.steps)
    await this.#communicator.broadcast(steps)
    optimizer.steps = steps[1]!
    for (const role of steps[0] === 0 || !moments
      ? (['value'] as const)
      : (['value', 'firstMoment', 'secondMoment'] as const))
      for (const arena of this.#memory.arenas(role)) await this.#communicator.broadcast(arena)
    return steps[0]!
  }

  /** Before a rank's gradients: those of the last step hold rows that other ranks looked up. */
  clear(): void {
    if (!this.#isAlone) this.#memory.zeroGradients()
  }

  /** Adds up the gradients of all ranks, in place. -> the means of the losses */
  async add(losses: Readonly<Record<string, number>>): Promise<Record<string, number>> {
    if (this.#isAlone) return { ...losses }
    const names = Object.keys(losses)
    const sums = Float32Array.from(names, (name) => losses[name]!)
    await this.#communicator.allReduceSum(sums)
    for (const arena of this.#memory.arenas('gradient')) await this.#communicator.allReduceSum(arena)
    return Object.fromEntries(names.map((name, i) => [name, sums[i]! * this.gradientScale]))
  }

  /** Whether any rank was told to stop: then all do, after the same step. */
  async any(stopping: boolean): Promise<boolean> {
    if (this.#isAlone) return stopping
    const votes = Float32Array.of(stopping ? 1 : 0)
    await this.#communicator.allReduceSum(votes)
    return votes[0]! > 0
  }

  get #isAlone(): boolean {
    return this.#communicator.size === 1
  }
}
