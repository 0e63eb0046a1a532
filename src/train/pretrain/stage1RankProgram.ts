import { Graph } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import { CompiledFunction, float32, type Value } from '../../runtime/index.js'
import type { Communicator } from '../comm/communicator.js'
import { exchangeRows } from '../comm/exchangeRows.js'
import { RankDropoutMasks } from '../comm/rankDropoutMasks.js'
import { partsOf, type RankShare } from '../comm/rankShare.js'
import type { Stage1Options } from '../objectives/stage1.js'
import { type OwnVectors, stage1Negatives, stage1Rank } from '../objectives/stage1Rank.js'
import { accumulate } from '../optimizer/gradientAccumulation.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { type ProgramOptions, type StepProgram, TrainingProgram, weightFeeds } from '../program.js'
import { joinRows, partFeeds, pickRows, rotateRows, rowsOf } from './rankInputs.js'

type Feeds = Readonly<Record<string, Value>>

/** Inputs that have a row, or an equal share, for each pass. */
const OF_SAMPLES = ['features', 'ids', 'mask', 'token_weights']
const VECTORS = ['image', 'text', 'distractors'] as const satisfies readonly (keyof OwnVectors)[]

export interface Stage1RankSettings {
  readonly model: Stage1Config
  readonly dropout: number
  readonly seed: number
}

export interface Stage1RankOpening extends Pick<ProgramOptions, 'memory' | 'threads' | 'recompute'> {
  readonly communicator: Communicator
  readonly share: RankShare
  /** Passes of a step, each over a part of the rank's samples. */
  readonly passes: number
}

interface Functions {
  readonly negatives: CompiledFunction<'images' | 'texts'>
  readonly step: TrainingProgram
}

/**
 * Stage 1 where a batch does not go through the model at once: it is shared by ranks, or a rank takes its samples in
 * several passes. A step takes two phases, because every sample is compared with all others: the vectors of the rank's
 * samples are computed and gathered and negatives drawn among all, then losses and gradients are computed with them as
 * inputs. One pass goes on from what the first phase has computed; several would have to keep it for all of them, and
 * compute it once more instead. Of a negative picture its frozen features travel, so no gradient needs to.
 */
export class Stage1RankProgram implements StepProgram {
  readonly memory: ParameterMemory
  readonly #communicator: Communicator
  readonly #functions: Functions
  /** The rank's samples as the passes take them. */
  readonly #parts: readonly RankShare[]
  readonly #masks: RankDropoutMasks
  /** Of `negatives`. */
  readonly #weights: Feeds

  private constructor(
    functions: Functions,
    parts: readonly RankShare[],
    masks: RankDropoutMasks,
    weights: Feeds,
    communicator: Communicator,
  ) {
    this.memory = functions.step.memory
    this.#functions = functions
    this.#parts = parts
    this.#masks = masks
    this.#weights = weights
    this.#communicator = communicator
  }

  static async create(
    { model, dropout: probability, seed }: Stage1RankSettings,
    options: Omit<Stage1Options, 'batch'>,
    { communicator, share, passes, memory, threads, recompute = false }: Stage1RankOpening,
  ): Promise<Stage1RankProgram> {
    const parts = partsOf(share, passes)
    const [{ own: batch, ranks }] = parts as [RankShare]
    const settings = threads === undefined ? {} : { threads }
    const negativeGraph = new Graph()
    const chosen = stage1Negatives(negativeGraph, model, {
      ...options,
      batch: share.own,
      rank: share.rank,
      ranks: share.ranks,
    })
    const numbers = { images: chosen.negativeImages, texts: chosen.negativeTexts }
    const negatives = await CompiledFunction.create(negativeGraph, numbers, settings)

    const [graph, dropout] = [new Graph(), new DropoutSites(probability)]
    // A part's samples are always the first: the others are fed in the order in which they follow.
    const partOptions = { ...options, batch, rank: 0, ranks, dropout: dropout.apply }
    const { loss, itc, itm, itg, scope, vectors } = stage1Rank(graph, model, partOptions)
    const step = await TrainingProgram.create({
      ...{ graph, loss, terms: { itc, itm, itg }, specs: scope.specs, seed, recompute },
      ...{ early: { ...vectors }, goesOn: passes === 1 },
      ...settings,
      ...(memory ? { memory } : {}),
    }).catch(async (error: unknown) => {
      await negatives.dispose()
      throw error
    })
    return new Stage1RankProgram(
      { negatives, step },
      parts,
      new RankDropoutMasks(seed, dropout.sites, parts[0]!),
      weightFeeds(step.memory, chosen.scope.specs.values()),
      communicator,
    )
  }

  /**
   * Feeds are those of the step with all of the rank's samples, the texts of all ranks as 'all_ids' and 'all_mask' int64
   * [all, tokens], the distractors after them, and 'token_weights' [passes].
   */
  async run(step: number, feeds: Feeds): Promise<Record<string, number>> {
    const gathered = await this.#gatherVectors(step, feeds)
    const negatives = await this.#negatives({ ...feeds, ...gathered })
    const own = { ...namedFeeds(feeds, OF_SAMPLES), ...negatives }
    const { all_distractor_vectors, ...samples } = { ...gathered, ...namedFeeds(feeds, ['image_ids']) }
    const distractors = {
      ...namedFeeds(feeds, ['distractor_image_ids']),
      ...(all_distractor_vectors ? { all_distractor_vectors } : {}),
    }
    return accumulate(this.memory, this.#parts.length, (part) => {
      const { first } = this.#parts[part]!
      const fromFirst = Object.entries(samples).map(([name, value]) => [name, rotateRows(value, first)])
      return this.#functions.step.run(step, {
        ...partFeeds(own, part, this.#parts.length),
        ...Object.fromEntries(fromFirst),
        ...distractors,
        ...this.#masks.fill(step, first),
      })
    })
  }

  async dispose(): Promise<void> {
    await Promise.all(Object.values(this.#functions).map((each) => each.dispose()))
  }

  async #gatherVectors(step: number, feeds: Feeds): Promise<Feeds> {
    const own = namedFeeds(feeds, [...OF_SAMPLES, 'distractor_ids', 'distractor_mask'])
    const parts: Record<string, Value<'float32'>>[] = []
    for (const [part, { first }] of this.#parts.entries()) {
      const inputs = { ...partFeeds(own, part, this.#parts.length), ...this.#masks.fill(step, first) }
      parts.push(copiesOf(await this.#functions.step.begin(step, inputs), VECTORS))
    }
    const all = (name: (typeof VECTORS)[number]) => this.#gather(joinRows(parts.map((vectors) => vectors[name]!)))
    const distractors = feeds['distractor_image_ids']?.shape[0]
    return {
      all_image_vectors: await all('image'),
      all_text_vectors: await all('text'),
      // The last ones may be there twice.
      ...(distractors ? { all_distractor_vectors: rowsOf(await all('distractors'), 0, distractors) } : {}),
    }
  }

  async #gather({ shape: [own, ...rest], data }: Value<'float32'>): Promise<Value> {
    return float32([own! * this.#communicator.size, ...rest], await this.#communicator.allGather(data))
  }

  async #negatives(feeds: Feeds): Promise<Feeds> {
    const { images, texts } = await this.#functions.negatives.run({ ...feeds, ...this.#weights })
    const features = feeds['features']!
    const width = features.data.length / features.shape[0]!
    const wanted = Int32Array.from(images.data, Number)
    const exchanged = await exchangeRows(this.#communicator, features.data as Float32Array, width, wanted)
    const textNumbers = Array.from(texts.data, Number)
    return {
      negative_features: float32(features.shape, exchanged),
      negative_ids: pickRows(feeds['all_ids']!, textNumbers),
      negative_mask: pickRows(feeds['all_mask']!, textNumbers),
    }
  }
}

const namedFeeds = (feeds: Feeds, names: readonly string[]): Feeds =>
  Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)))

/** What a run gave is overwritten by the next. */
const copiesOf = (feeds: Feeds, names: readonly string[]): Record<string, Value<'float32'>> =>
  Object.fromEntries(
    Object.entries(namedFeeds(feeds, names)).map(([name, { shape, data }]) => [
      name,
      float32(shape, (data as Float32Array).slice()),
    ]),
  )
