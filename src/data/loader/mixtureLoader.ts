import { z } from 'zod'
import { CheckpointError } from '../../errors.js'
import { Random } from '../../train/random/random.js'
import type { Captions } from '../readers/captionRecord.js'
import type { EncodedPicture } from '../webdataset/captionedSample.js'
import { isBrokenPicture } from './brokenPicture.js'
import { Losses, type LossLimits } from './losses.js'
import type { MixtureSpec, SourceSpec } from './mixtureSpec.js'
import { openSource } from './openSource.js'
import { samplePlaceSchema } from './rereadSamples.js'
import type { UnopenedPicture } from './shards.js'
import { type StreamedSample, ShardStream, type ShardStreamOptions, shardStreamStateSchema } from './shardStream.js'

/** Decodes a picture and does whatever else training needs. Drawing from `random` keeps runs reproducible. */
export type LoadPicture<Result> = (picture: EncodedPicture, random: Random, signal?: AbortSignal) => Promise<Result>

export interface MixtureLoaderOptions extends ShardStreamOptions, LossLimits {
  /** Pictures that are loaded at a time, ahead of the one who asks. Default 8. */
  readonly picturesAhead?: number
}

export interface LoadedPicture<Result> {
  readonly source: string
  readonly key: string
  readonly result: Result
}

const countsSchema = z.object({
  samples: z.int(),
  brokenSamples: z.int(),
  shards: z.int(),
  brokenShards: z.int(),
})

/** Checks a state that was saved as JSON. */
export const mixtureStateSchema = z.object({
  seed: z.int(),
  /** Pictures drawn so far, with those of `ahead`. */
  draws: z.int().min(0),
  /** Drawn, but not handed out yet. */
  ahead: z.array(samplePlaceSchema.extend({ source: z.string(), draw: z.int().min(0) })),
  sources: z.record(z.string(), shardStreamStateSchema),
  losses: countsSchema,
})
export type MixtureState = z.infer<typeof mixtureStateSchema>

interface OpenSource {
  readonly spec: SourceSpec
  readonly stream: ShardStream<UnopenedPicture>
}

interface Drawn<Result> {
  readonly source: OpenSource
  readonly draw: number
  readonly sample: StreamedSample<UnopenedPicture>
  readonly loading: Promise<Result>
}

/**
 * Pictures without end, taken from the sources of a mixture by their weights. Which ones, in which order and with which
 * random numbers depends on the seed alone: going on from a state gives what the first run would have given. A picture
 * that cannot be loaded is counted, told to `onLoss` and left out. Ask for one at a time.
 */
export class MixtureLoader<Result> implements AsyncIterable<LoadedPicture<Result>> {
  readonly #sources: readonly OpenSource[]
  readonly #load: LoadPicture<Result>
  readonly #losses: Losses
  readonly #options: MixtureLoaderOptions
  #draws: number
  #ahead: Drawn<Result>[] = []

  private constructor(
    sources: readonly OpenSource[],
    load: LoadPicture<Result>,
    losses: Losses,
    options: MixtureLoaderOptions,
    draws: number,
  ) {
    this.#sources = sources
    this.#load = load
    this.#losses = losses
    this.#options = options
    this.#draws = draws
  }

  /** @throws DataError for a source that cannot be opened; CheckpointError for a state of another mixture. */
  static async open<Result>(
    { sources: specs }: MixtureSpec,
    load: LoadPicture<Result>,
    options: MixtureLoaderOptions,
    state?: MixtureState,
  ): Promise<MixtureLoader<Result>> {
    if (state) checkState(state, specs, options.seed)
    const losses = new Losses(options, state?.losses)
    const sources: OpenSource[] = []
    for (const spec of specs) {
      const shards = await openSource(spec, options)
      const stream = await ShardStream.open(shards, losses, options, state?.sources[spec.name])
      sources.push({ spec, stream })
    }
    const loader = new MixtureLoader(sources, load, losses, options, state?.draws ?? 0)
    if (state) await loader.#restoreAhead(state)
    return loader
  }

  /** @throws DataError where too many pictures or shards are broken. */
  async next(): Promise<LoadedPicture<Result>> {
    const { picturesAhead = 8 } = this.#options
    for (;;) {
      this.#options.signal?.throwIfAborted()
      while (this.#ahead.length <= picturesAhead) this.#ahead.push(await this.#drawNext())
      const { source, sample, loading } = this.#ahead.shift()!
      try {
        const result = await loading
        this.#losses.sampleRead()
        return { source: source.spec.name, key: sample.key, result }
      } catch (error) {
        if (!isBrokenPicture(error)) throw error
        this.#losses.sampleBroken(`${source.spec.name}: ${sample.key}`, error)
      }
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LoadedPicture<Result>> {
    for (;;) yield await this.next()
  }

  /** Where the loader is, as JSON. To be asked between calls of `next`. */
  get state(): MixtureState {
    return {
      seed: this.#options.seed,
      draws: this.#draws,
      ahead: this.#ahead.map(({ source, draw, sample: { shard, offset, key } }) => ({
        source: source.spec.name,
        draw,
        shard,
        offset,
        key,
      })),
      sources: Object.fromEntries(this.#sources.map(({ spec, stream }) => [spec.name, stream.state])),
      losses: this.losses,
    }
  }

  get losses() {
    return this.#losses.counts
  }

  /** Closes files and connections, after what is being loaded. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#ahead.map(({ loading }) => loading))
    for (const { stream } of this.#sources) await stream.close()
  }

  async #drawNext(): Promise<Drawn<Result>> {
    const draw = this.#draws
    const weights = this.#sources.map(({ spec }) => spec.weight)
    const { rank = 0 } = this.#options
    const source = this.#sources[this.#random(`mixture/${rank}/${draw}`).choice(weights)]!
    const sample = await source.stream.next()
    this.#draws++
    return this.#begin(source, draw, sample)
  }

  #begin(source: OpenSource, draw: number, sample: StreamedSample<UnopenedPicture>): Drawn<Result> {
    const { rank = 0, signal } = this.#options
    const open = async () => {
      const picture = sample.sample()
      const captions = bestCaptions(picture.captions, source.spec.bestCaptions)
      return this.#load({ ...picture, captions }, this.#random(`sample/${rank}/${draw}`), signal)
    }
    const loading = open()
    // It is awaited in its turn; until then a failure must not count as unhandled.
    loading.catch(() => undefined)
    return { source, draw, sample, loading }
  }

  #random(stream: string): Random {
    return new Random(this.#options.seed, stream)
  }

  async #restoreAhead({ ahead }: MixtureState): Promise<void> {
    const drawn: Drawn<Result>[] = []
    for (const source of this.#sources) {
      const places = ahead.filter((place) => place.source === source.spec.name)
      const samples = await source.stream.reread(places)
      drawn.push(...samples.map((sample, i) => this.#begin(source, places[i]!.draw, sample)))
    }
    this.#ahead = drawn.sort((a, b) => a.draw - b.draw)
  }
}

function bestCaptions([first, ...others]: Captions, count = Number.POSITIVE_INFINITY): Captions {
  return [first, ...others.slice(0, count - 1)]
}

function checkState(state: MixtureState, specs: readonly SourceSpec[], seed: number): void {
  if (state.seed !== seed) throw new CheckpointError(`the data was read with seed ${state.seed}, now it is ${seed}`)
  const names = specs.map(({ name }) => name).sort()
  const known = Object.keys(state.sources).sort()
  if (names.join('\n') !== known.join('\n'))
    throw new CheckpointError(`the data was read from ${known.join(', ')}, now the sources are ${names.join(', ')}`)
}
