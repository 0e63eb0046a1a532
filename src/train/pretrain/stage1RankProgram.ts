import { Graph } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import type { ParameterSpec } from '../../nn/scope.js'
import { CompiledFunction, float32, type Value } from '../../runtime/index.js'
import type { Communicator } from '../comm/communicator.js'
import { exchangeRows } from '../comm/exchangeRows.js'
import { RankDropoutMasks } from '../comm/rankDropoutMasks.js'
import { partsOf, type RankShare } from '../comm/rankShare.js'
import type { Stage1Options } from '../objectives/stage1.js'
import { stage1Negatives, stage1Rank, stage1Vectors } from '../objectives/stage1Rank.js'
import { accumulate } from '../optimizer/gradientAccumulation.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { type ProgramOptions, type StepProgram, TrainingProgram, weightFeeds } from '../program.js'
import { joinRows, partFeeds, pickRows, rotateRows } from './rankInputs.js'

type Feeds = Readonly<Record<string, Value>>

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
  readonly vectors: CompiledFunction<'image' | 'text'>
  readonly negatives: CompiledFunction<'images' | 'texts'>
  readonly step: TrainingProgram
}

/**
 * Stage 1 where a batch does not go through the model at once: it is shared by ranks, or a rank takes its samples in
 * several passes. A step takes two phases, because every sample is compared with all others: the vectors of the rank's
 * samples are computed and gathered and negatives drawn among all, then losses and gradients are computed with them as
 * inputs. Of a negative picture its frozen features travel, so no gradient needs to.
 */
export class Stage1RankProgram implements StepProgram {
  readonly memory: ParameterMemory
  readonly #communicator: Communicator
  readonly #functions: Functions
  /** The rank's samples as the passes take them. */
  readonly #parts: readonly RankShare[]
  readonly #masks: RankDropoutMasks
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
    const dropout = () => new DropoutSites(probability)
    // A part's samples are always the first: the others are fed in the order in which they follow.
    const partOptions = (sites: DropoutSites) => ({ ...options, batch, rank: 0, ranks, dropout: sites.apply })

    const vectorGraph = new Graph()
    const drawn = stage1Vectors(vectorGraph, model, partOptions(dropout()))
    const outputs = { image: drawn.imageVectors, text: drawn.textVectors }
    const vectors = await CompiledFunction.create(vectorGraph, outputs, settings)
    const negativeGraph = new Graph()
    const chosen = stage1Negatives(negativeGraph, model, {
      ...options,
      batch: share.own,
      rank: share.rank,
      ranks: share.ranks,
    })
    const numbers = { images: chosen.negativeImages, texts: chosen.negativeTexts }
    const negatives = await CompiledFunction.create(negativeGraph, numbers, settings)

    const [graph, sites] = [new Graph(), dropout()]
    const { loss, itc, itm, itg, scope } = stage1Rank(graph, model, partOptions(sites))
    const terms = { itc, itm, itg }
    const program = {
      graph,
      loss,
      terms,
      specs: scope.specs,
      seed,
      recompute,
      ...settings,
      ...(memory ? { memory } : {}),
    }
    const step = await TrainingProgram.create(program).catch(async (error: unknown) => {
      await Promise.all([vectors.dispose(), negatives.dispose()])
      throw error
    })
    const used = new Map<string, ParameterSpec>([...drawn.scope.specs, ...chosen.scope.specs])
    return new Stage1RankProgram(
      { vectors, negatives, step },
      parts,
      new RankDropoutMasks(seed, sites.sites, parts[0]!),
      weightFeeds(step.memory, used.values()),
      communicator,
    )
  }

  /**
   * Feeds are those of the step with all of the rank's samples, the texts of all ranks as 'all_ids' and 'all_mask' int64
   * [all, tokens], and 'token_weights' [passes].
   */
  async run(step: number, feeds: Feeds): Promise<Record<string, number>> {
    const gathered = await this.#gatherVectors(step, feeds)
    const negatives = await this.#negatives({ ...feeds, ...gathered })
    const own = { ...namedFeeds(feeds, ['features', 'ids', 'mask', 'token_weights']), ...negatives }
    const whole = { ...gathered, ...namedFeeds(feeds, ['image_ids']) }
    return accumulate(this.memory, this.#parts.length, (part) => {
      const { first } = this.#parts[part]!
      const fromFirst = Object.entries(whole).map(([name, value]) => [name, rotateRows(value, first)])
      return this.#functions.step.run(step, {
        ...partFeeds(own, part, this.#parts.length),
        ...Object.fromEntries(fromFirst),
        ...this.#masks.fill(step, first),
      })
    })
  }

  async dispose(): Promise<void> {
    await Promise.all(Object.values(this.#functions).map((each) => each.dispose()))
  }

  async #gatherVectors(step: number, feeds: Feeds): Promise<Feeds> {
    const own = namedFeeds(feeds, ['features', 'ids', 'mask', 'token_weights'])
    const images: Value<'float32'>[] = []
    const texts: Value<'float32'>[] = []
    for (const [part, { first }] of this.#parts.entries()) {
      const inputs = { ...partFeeds(own, part, this.#parts.length), ...this.#masks.fill(step, first) }
      const { image, text } = await this.#functions.vectors.run({ ...inputs, ...this.#weights })
      images.push(copyOf(image))
      texts.push(copyOf(text))
    }
    return {
      all_image_vectors: await this.#gather(joinRows(images)),
      all_text_vectors: await this.#gather(joinRows(texts)),
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
const copyOf = ({ shape, data }: Value): Value<'float32'> => float32(shape, (data as Float32Array).slice())
