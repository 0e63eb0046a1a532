import { Graph } from '../../graph/index.js'
import type { Stage1Config } from '../../models/blip2.js'
import { DropoutSites } from '../../nn/dropout.js'
import type { ParameterSpec } from '../../nn/scope.js'
import { CompiledFunction, float32, type Value } from '../../runtime/index.js'
import type { Communicator } from '../comm/communicator.js'
import { exchangeRows } from '../comm/exchangeRows.js'
import { RankDropoutMasks } from '../comm/rankDropoutMasks.js'
import type { RankShare } from '../comm/rankShare.js'
import type { Stage1Options } from '../objectives/stage1.js'
import { stage1Negatives, stage1Rank, stage1Vectors } from '../objectives/stage1Rank.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { type ProgramOptions, type StepProgram, TrainingProgram, weightFeeds } from '../program.js'
import { pickRows } from './rankInputs.js'

type Feeds = Readonly<Record<string, Value>>

export interface Stage1RankSettings {
  readonly model: Stage1Config
  readonly dropout: number
  readonly seed: number
}

export interface Stage1RankOpening extends Pick<ProgramOptions, 'memory' | 'threads'> {
  readonly communicator: Communicator
  readonly share: RankShare
}

interface Functions {
  readonly vectors: CompiledFunction<'image' | 'text'>
  readonly negatives: CompiledFunction<'images' | 'texts'>
  readonly step: TrainingProgram
}

/**
 * Stage 1 on one of several ranks. A step takes two phases, because every sample is compared with those of all ranks:
 * the vectors of the rank's samples are computed and gathered and negatives drawn among all, then losses and gradients
 * are computed with them as inputs. Of a negative picture its frozen features travel, so no gradient needs to.
 */
export class Stage1RankProgram implements StepProgram {
  readonly memory: ParameterMemory
  readonly #communicator: Communicator
  readonly #functions: Functions
  readonly #masks: RankDropoutMasks
  readonly #weights: Feeds

  private constructor(functions: Functions, masks: RankDropoutMasks, weights: Feeds, communicator: Communicator) {
    this.memory = functions.step.memory
    this.#functions = functions
    this.#masks = masks
    this.#weights = weights
    this.#communicator = communicator
  }

  static async create(
    { model, dropout: probability, seed }: Stage1RankSettings,
    options: Stage1Options,
    { communicator, share, memory, threads }: Stage1RankOpening,
  ): Promise<Stage1RankProgram> {
    const { rank, ranks } = share
    const settings = threads === undefined ? {} : { threads }
    const dropout = () => new DropoutSites(probability)
    const rankOptions = (sites: DropoutSites) => ({ ...options, rank, ranks, dropout: sites.apply })

    const vectorGraph = new Graph()
    const drawn = stage1Vectors(vectorGraph, model, rankOptions(dropout()))
    const outputs = { image: drawn.imageVectors, text: drawn.textVectors }
    const vectors = await CompiledFunction.create(vectorGraph, outputs, settings)
    const negativeGraph = new Graph()
    const chosen = stage1Negatives(negativeGraph, model, rankOptions(dropout()))
    const numbers = { images: chosen.negativeImages, texts: chosen.negativeTexts }
    const negatives = await CompiledFunction.create(negativeGraph, numbers, settings)

    const [graph, sites] = [new Graph(), dropout()]
    const { loss, itc, itm, itg, scope } = stage1Rank(graph, model, rankOptions(sites))
    const terms = { itc, itm, itg }
    const program = { graph, loss, terms, specs: scope.specs, seed, ...settings, ...(memory ? { memory } : {}) }
    const step = await TrainingProgram.create(program).catch(async (error: unknown) => {
      await Promise.all([vectors.dispose(), negatives.dispose()])
      throw error
    })
    const used = new Map<string, ParameterSpec>([...drawn.scope.specs, ...chosen.scope.specs])
    return new Stage1RankProgram(
      { vectors, negatives, step },
      new RankDropoutMasks(seed, sites.sites, share),
      weightFeeds(step.memory, used.values()),
      communicator,
    )
  }

  /** Feeds are those of the step, and the texts of all ranks as 'all_ids' and 'all_mask' int64 [all, tokens]. */
  async run(step: number, feeds: Feeds): Promise<Record<string, number>> {
    const own = { ...feeds, ...this.#masks.fill(step) }
    const gathered = await this.#gatherVectors(own)
    const negatives = await this.#negatives({ ...own, ...gathered })
    return this.#functions.step.run(step, { ...own, ...gathered, ...negatives })
  }

  async dispose(): Promise<void> {
    await Promise.all(Object.values(this.#functions).map((each) => each.dispose()))
  }

  async #gatherVectors(own: Feeds): Promise<Feeds> {
    const { image, text } = await this.#functions.vectors.run({ ...own, ...this.#weights })
    return { all_image_vectors: await this.#gather(image), all_text_vectors: await this.#gather(text) }
  }

  async #gather({ shape: [own, ...rest], data }: Value): Promise<Value> {
    return float32([own! * this.#communicator.size, ...rest], await this.#communicator.allGather(data as Float32Array))
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
