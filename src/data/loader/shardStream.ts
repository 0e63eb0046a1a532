import { z } from 'zod'
import { CheckpointError, ConfigError, DataError } from '../../errors.js'
import { Random } from '../../train/random/random.js'
import type { Losses } from './losses.js'
import { readAhead } from './readAhead.js'
import { rereadSamples, type SamplePlace, samplePlaceSchema } from './rereadSamples.js'
import type { PlacedSample, Shard } from './shard.js'

export interface ShardStreamOptions {
  readonly seed: number
  /** This process and how many there are: each reads its own shards. Default 0 of 1. */
  readonly rank?: number
  readonly size?: number
  /** Samples in the shuffle buffer, undecoded. Default 1000. */
  readonly bufferSamples?: number
  /** The buffer takes no more than this (and one sample). Default 256 MiB. */
  readonly bufferBytes?: number
  /** Samples read ahead of the buffer. Default 16. */
  readonly samplesAhead?: number
  readonly signal?: AbortSignal
}

/** Everything that decides which samples follow, as JSON. */
export const shardStreamStateSchema = z.object({
  seed: z.int(),
  rank: z.int().min(0),
  size: z.int().min(1),
  /** The names of all shards must be the same again. */
  shards: z.int().min(1),
  epoch: z.int().min(0),
  /** Place of the shard that is being read in this rank's order of the epoch, and where in it. */
  position: z.int().min(0),
  offset: z.int().min(0),
  /** Random numbers drawn in this epoch. */
  draws: z.int().min(0),
  epochSamples: z.int().min(0),
  buffer: z.array(samplePlaceSchema),
})
export type ShardStreamState = z.infer<typeof shardStreamStateSchema>

/** A sample with the number of its shard. */
export interface StreamedSample<Sample> extends PlacedSample<Sample> {
  readonly shard: number
}

/** A sample, or the end of the shard at this place of the order, early where there is an error. */
type Incoming<Sample> =
  | { readonly position: number; readonly sample: StreamedSample<Sample> }
  | { readonly position: number; readonly sample?: never; readonly error?: DataError }

/**
 * An endless stream of samples, epoch after epoch: the shards in an order of the seed and the epoch, every `size`-th of
 * them for this rank, then the samples through a shuffle buffer. In an epoch each sample comes once. A shard that breaks
 * off is counted in `losses` and left. Ask for one sample at a time.
 */
export class ShardStream<Sample> {
  readonly #shards: readonly Shard<Sample>[]
  readonly #options: Required<Omit<ShardStreamOptions, 'signal'>>
  readonly #signal: AbortSignal | undefined
  readonly #losses: Losses
  #epoch = 0
  #position = 0
  #offset = 0
  #epochSamples = 0
  #random: Random
  #incoming: AsyncGenerator<Incoming<Sample>>
  #epochIsRead = false
  #buffer: StreamedSample<Sample>[] = []
  #bytes = 0

  private constructor(shards: readonly Shard<Sample>[], losses: Losses, { signal, ...options }: ShardStreamOptions) {
    this.#shards = shards
    this.#losses = losses
    this.#signal = signal
    this.#options = { ...DEFAULTS, ...options }
    const { rank, size, bufferSamples, bufferBytes, samplesAhead } = this.#options
    if (!(Number.isInteger(size) && size >= 1 && Number.isInteger(rank) && rank >= 0 && rank < size))
      throw new ConfigError(`a rank is from 0 to the number of ranks less 1, got ${rank} of ${size}`)
    if (shards.length < size)
      throw new ConfigError(
        `${shards.length} shard(s) for ${size} ranks; expected one a rank or more: make more shards`,
      )
    if (!(bufferSamples >= 1 && bufferBytes >= 1 && samplesAhead >= 0))
      throw new ConfigError('a shuffle buffer holds at least 1 sample and 1 byte, and reads 0 samples ahead or more')
    this.#random = this.#epochRandom()
    this.#incoming = this.#read()
  }

  /**
   * @param state Goes on where a stream of the same shards and options was.
   * @throws CheckpointError where the state belongs to other shards, another seed or other ranks.
   */
  static async open<Sample>(
    shards: readonly Shard<Sample>[],
    losses: Losses,
    options: ShardStreamOptions,
    state?: ShardStreamState,
  ): Promise<ShardStream<Sample>> {
    const stream = new ShardStream(shards, losses, options)
    if (state) await stream.#restore(state)
    return stream
  }

  /** The next sample. @throws DataError where a whole epoch holds none, or too many shards are broken. */
  async next(): Promise<StreamedSample<Sample>> {
    for (;;) {
      await this.#fill()
      if (this.#buffer.length > 0) return this.#draw()
      if (this.#epochSamples === 0)
        throw new DataError(`the ${this.#order().length} shard(s) of this rank hold no sample that can be read`)
      this.#beginEpoch(this.#epoch + 1)
    }
  }

  /** To be asked between calls of `next`. */
  get state(): ShardStreamState {
    const { seed, rank, size } = this.#options
    return {
      seed,
      rank,
      size,
      shards: this.#shards.length,
      epoch: this.#epoch,
      position: this.#position,
      offset: this.#offset,
      draws: this.#random.state.counter,
      epochSamples: this.#epochSamples,
      buffer: this.#buffer.map(({ shard, offset, key }) => ({ shard, offset, key })),
    }
  }

  /** The samples at these places again, in this order. */
  reread(places: readonly SamplePlace[]): Promise<StreamedSample<Sample>[]> {
    return rereadSamples(this.#shards, places, this.#signal)
  }

  /** Closes the file or connection that is open. */
  async close(): Promise<void> {
    await this.#incoming.return(undefined)
  }

  async #fill(): Promise<void> {
    const { bufferSamples, bufferBytes } = this.#options
    while (!this.#epochIsRead && this.#buffer.length < bufferSamples && this.#bytes < bufferBytes) {
      const { done, value } = await this.#incoming.next()
      this.#epochIsRead = done === true
      if (done) return
      if (value.sample) this.#accept(value.position, value.sample)
      else this.#finishShard(value.position, value.error)
    }
  }

  #accept(position: number, sample: StreamedSample<Sample>): void {
    this.#position = position
    this.#offset = sample.next
    this.#epochSamples++
    this.#put(sample)
  }

  #finishShard(position: number, error: DataError | undefined): void {
    const { name } = this.#shards[this.#order()[position]!]!
    this.#position = position + 1
    this.#offset = 0
    if (error) this.#losses.shardBroken(name, error)
    else this.#losses.shardRead()
  }

  #put(sample: StreamedSample<Sample>): void {
    this.#buffer.push(sample)
    this.#bytes += sample.bytes
  }

  /** Takes one out of the buffer; the last one moves to its place. */
  #draw(): StreamedSample<Sample> {
    const i = this.#random.integer(this.#buffer.length)
    const drawn = this.#buffer[i]!
    const last = this.#buffer.pop()!
    if (i < this.#buffer.length) this.#buffer[i] = last
    this.#bytes -= drawn.bytes
    return drawn
  }

  #beginEpoch(epoch: number): void {
    this.#epoch = epoch
    this.#position = 0
    this.#offset = 0
    this.#epochSamples = 0
    this.#epochIsRead = false
    this.#random = this.#epochRandom()
    this.#incoming = this.#read()
  }

  #epochRandom(draws = 0): Random {
    return new Random(this.#options.seed, `buffer/${this.#epoch}/${this.#options.rank}`, draws)
  }

  /** The shards of this rank in this epoch. All ranks shuffle alike, then split. */
  #order(): number[] {
    const { seed, rank, size } = this.#options
    const all = Array.from(this.#shards, (_, i) => i)
    return new Random(seed, `shards/${this.#epoch}`).shuffle(all).filter((_, i) => i % size === rank)
  }

  #read(): AsyncGenerator<Incoming<Sample>> {
    return readAhead(this.#readShards(this.#order(), this.#position, this.#offset), this.#options.samplesAhead)
  }

  async *#readShards(order: readonly number[], first: number, offset: number): AsyncGenerator<Incoming<Sample>> {
    for (const [position, shard] of order.entries()) {
      if (position < first) continue
      try {
        const from = position === first ? offset : 0
        for await (const sample of this.#shards[shard]!.samples(from, this.#signal))
          yield { position, sample: { ...sample, shard } }
        yield { position }
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        yield { position, error }
      }
    }
  }

  async #restore(state: ShardStreamState): Promise<void> {
    const { seed, rank, size } = this.#options
    const now = { seed, rank, size, shards: this.#shards.length }
    for (const [name, value] of Object.entries(now))
      if (state[name as keyof typeof now] !== value)
        throw new CheckpointError(
          `the data was read with ${name} = ${state[name as keyof typeof now]}, now it is ${value}`,
        )
    await this.close()
    this.#beginEpoch(state.epoch)
    this.#position = state.position
    this.#offset = state.offset
    this.#epochSamples = state.epochSamples
    this.#random = this.#epochRandom(state.draws)
    for (const sample of await this.reread(state.buffer)) this.#put(sample)
    this.#incoming = this.#read()
  }
}

const DEFAULTS = { rank: 0, size: 1, bufferSamples: 1000, bufferBytes: 2 ** 28, samplesAhead: 16 }
