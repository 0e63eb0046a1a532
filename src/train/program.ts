import { NonFiniteError, ShapeError, WeightsError } from '../errors.js'
import { backward, cutAfter, embeddedFloats, type Graph, type Tensor, type WeightSource } from '../graph/index.js'
import { elementCount } from '../graph/types.js'
import type { DropoutSites } from '../nn/dropout.js'
import type { Initializer, ParameterSpec } from '../nn/scope.js'
import {
  CompiledFunction,
  type CompileOptions,
  type Data,
  float32,
  value as makeValue,
  type Value,
} from '../runtime/index.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import { ParameterMemory } from './optimizer/parameterMemory.js'
import { DropoutMasks } from './random/dropoutMasks.js'
import { fillNormal } from './random/initializers.js'
import { Random } from './random/random.js'

export interface ProgramOptions {
  readonly graph: Graph
  /** What is minimised. */
  readonly loss: Tensor
  /** Scalars to report besides the loss. */
  readonly terms?: Readonly<Record<string, Tensor>>
  /** Every weight of the model, as its scopes declared them. */
  readonly specs: ReadonlyMap<string, ParameterSpec>
  /** Weights that are not trained, by name; they go into the graph as constants. Names that the model lacks are refused. */
  readonly frozen?: FrozenWeights
  readonly dropout?: DropoutSites
  /** For the initial weights and the dropout masks. */
  readonly seed: number
  /** The weights of another program of the same model, to be trained together; they are not filled anew. */
  readonly memory?: ParameterMemory
  readonly threads?: number
  /** Compute layers again in the backward pass instead of keeping what they compute; see `backward`. Default false. */
  readonly recompute?: boolean
  /** What `begin` computes before the inputs that these do not need are known. */
  readonly early?: Readonly<Record<string, Tensor>>
  /**
   * Whether `run` goes on from what the last `begin` computed (default), or computes it once more: then nothing has to be
   * kept, where several begin before the first runs.
   */
  readonly goesOn?: boolean
}

/** In memory; or ready for graphs, perhaps mapped from a file and quantised, with the names of all that are there. */
export type FrozenWeights = ReadonlyMap<string, Float32Array> | (GraphWeights & { readonly names: ReadonlySet<string> })

interface RowOutput {
  readonly parameter: string
  readonly ids: string
  readonly values: string
}

const LOSS = 'loss'

/** What the loop needs of a program. */
export type StepProgram = Pick<TrainingProgram, 'memory' | 'run' | 'dispose'>

/**
 * A training step: losses and gradients in one run of the runtime. Weights and gradients live in the optimiser's
 * memory, where the runtime reads and writes them in place.
 */
export class TrainingProgram {
  readonly memory: ParameterMemory
  readonly #compiled: CompiledFunction
  readonly #early: CompiledFunction | undefined
  /** What `begin` has left for `run`. */
  #held: Readonly<Record<string, Value>> = {}
  readonly #terms: readonly string[]
  readonly #rows: readonly RowOutput[]
  readonly #weights: Record<string, Value>
  readonly #gradients: Record<string, Data>
  readonly #dropout: { masks: DropoutMasks; feeds: Record<string, Value> } | undefined

  private constructor(
    memory: ParameterMemory,
    { compiled, early }: Compiled,
    terms: readonly string[],
    rows: readonly RowOutput[],
    dense: readonly string[],
    dropout: { masks: DropoutMasks; feeds: Record<string, Value> } | undefined,
  ) {
    this.memory = memory
    this.#compiled = compiled
    this.#early = early
    this.#terms = terms
    this.#rows = rows
    this.#dropout = dropout
    this.#weights = weightFeeds(memory, memory.parameters)
    this.#gradients = Object.fromEntries(dense.map((name) => [gradientOutput(name), memory.gradient(name)]))
  }

  /** Differentiates, compiles and fills the trained weights with their initial values. */
  static async create(options: ProgramOptions): Promise<TrainingProgram> {
    const {
      graph,
      loss,
      terms = {},
      specs,
      frozen = new Map<string, Float32Array>(),
      seed,
      recompute = false,
    } = options
    if (!('names' in frozen)) checkFrozen(specs, frozen)
    const frozenNames = 'names' in frozen ? frozen.names : frozen
    const trained = [...specs.values()].filter(({ name }) => !frozenNames.has(name))
    const memory = options.memory ?? newMemory(trained, seed)
    const dropout = masksOf(options)

    const weights = trained.map(({ name }) => graph.parameters.get(name)!)
    const outputs: Record<string, Tensor> = {}
    for (const [name, term] of Object.entries({ [LOSS]: loss, ...terms })) outputs[termOutput(name)] = term
    const rows: RowOutput[] = []
    const dense: string[] = []
    for (const [i, gradient] of [...backward(loss, weights, { recompute }).values()].entries()) {
      const { name } = trained[i]!
      if (gradient.dense) {
        dense.push(name)
        outputs[gradientOutput(name)] = gradient.dense
      }
      for (const [k, { ids, values }] of gradient.rows.entries()) {
        const row = { parameter: name, ids: `ids ${k} of ${name}`, values: `rows ${k} of ${name}` }
        rows.push(row)
        outputs[row.ids] = ids
        outputs[row.values] = values
      }
    }
    const compiled = await compile(options, outputs, {
      ...weightSources(frozen),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    })
    return new TrainingProgram(memory, compiled, [LOSS, ...Object.keys(terms)], rows, dense, dropout)
  }

  /** The values of `early`, by their names, from the inputs that they need; the next call overwrites them. */
  async begin(step: number, feeds: Readonly<Record<string, Value>>): Promise<Readonly<Record<string, Value>>> {
    if (!this.#early) throw new ShapeError('this program computes nothing early; begin its steps with run')
    this.#dropout?.masks.fill(step)
    this.#held = await this.#early.run({ ...feeds, ...this.#weights, ...this.#dropout?.feeds })
    return this.#held
  }

  /**
   * Computes the loss of a batch, and its gradients into the memory; with `early`, after `begin` with the same inputs.
   * Throws a NonFiniteError naming the term that is not a number.
   */
  async run(step: number, feeds: Readonly<Record<string, Value>>): Promise<Record<string, number>> {
    this.#dropout?.masks.fill(step)
    // A dense gradient is overwritten by the run; rows are added to what is there.
    this.memory.clearRows()
    const inputs = { ...feeds, ...this.#held, ...this.#weights, ...this.#dropout?.feeds }
    const results = await this.#compiled.run(inputs, this.#gradients)
    for (const { parameter, ids, values } of this.#rows) {
      this.memory.addRows(parameter, results[ids]!.data as BigInt64Array, results[values]!.data as Float32Array)
    }
    const losses = Object.fromEntries(this.#terms.map((name) => [name, Number(results[termOutput(name)]!.data[0])]))
    // The parts first, in the order in which they are computed: their names say more than the sum's.
    const [sum, ...parts] = this.#terms
    const broken = [...parts, sum!].find((name) => !Number.isFinite(losses[name]))
    if (broken !== undefined)
      throw new NonFiniteError(
        `step ${step}: the term '${broken}' is ${losses[broken]}; no weight was changed. Lower the learning rate, or look at this step's data`,
      )
    return losses
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#compiled.dispose(), this.#early?.dispose()])
  }
}

interface Compiled {
  readonly compiled: CompiledFunction
  readonly early?: CompiledFunction
}

/** The step in one run, or what is computed early apart from it. */
async function compile(
  { graph, early: values, goesOn = true }: ProgramOptions,
  outputs: Readonly<Record<string, Tensor>>,
  options: CompileOptions,
): Promise<Compiled> {
  if (!values) return { compiled: await CompiledFunction.create(graph, outputs, options) }
  const rest = goesOn ? cutAfter(Object.values(values), outputs) : { held: {}, graph, outputs }
  const early = await CompiledFunction.create<string>(graph, { ...values, ...rest.held }, options)
  try {
    return { early, compiled: await CompiledFunction.create<string>(rest.graph, rest.outputs, options) }
  } catch (error) {
    await early.dispose()
    throw error
  }
}

/** The weights as they are in the memory, as feeds: views, so they follow the training. */
export const weightFeeds = (memory: ParameterMemory, specs: Iterable<Pick<ParameterSpec, 'name' | 'shape'>>) =>
  Object.fromEntries([...specs].map(({ name, shape }): [string, Value] => [name, float32(shape, memory.value(name))]))

const gradientOutput = (name: string) => `gradient of ${name}`
const termOutput = (name: string) => `term ${name}`

function checkFrozen(specs: ReadonlyMap<string, ParameterSpec>, frozen: ReadonlyMap<string, Float32Array>): void {
  for (const [name, data] of frozen) {
    const spec = specs.get(name)
    if (!spec) throw new WeightsError(`frozen weight '${name}' is none of the model's`)
    const size = elementCount(spec.shape)
    if (data.length !== size)
      throw new WeightsError(`frozen weight '${name}' has ${data.length} values, the model needs ${size}`)
  }
}

/** Frozen weights as constants, the others as inputs. */
function weightSources(frozen: FrozenWeights): GraphWeights {
  const fed: WeightSource = { kind: 'input' }
  if (!('names' in frozen)) {
    const constant = (data: Float32Array | undefined) => (data ? embeddedFloats(data) : fed)
    return { weight: (name) => constant(frozen.get(name)) }
  }
  const { names, weight, ...settings } = frozen
  return { ...settings, weight: (name) => (names.has(name) ? weight(name) : fed) }
}

/** Each weight from a stream of its own name, so that adding one changes no other. */
function newMemory(specs: readonly ParameterSpec[], seed: number): ParameterMemory {
  const memory = new ParameterMemory(specs)
  for (const { name, initializer } of specs)
    fillInitial(memory.value(name), initializer, new Random(seed, `initial/${name}`))
  return memory
}

export function fillInitial(into: Float32Array, initializer: Initializer, random: Random): void {
  switch (initializer.kind) {
    case 'normal':
      fillNormal(random, into, initializer.std)
      return
    case 'ones':
      into.fill(1)
      return
    case 'constant':
      into.fill(initializer.value)
      return
    case 'zeros':
      into.fill(0)
  }
}

function masksOf({ dropout, seed }: ProgramOptions) {
  if (!dropout || dropout.sites.length === 0) return undefined
  const masks = new DropoutMasks(seed, dropout.sites)
  const feeds = Object.fromEntries(
    dropout.sites.map(({ name, shape }) => [name, makeValue('uint8', shape, masks.mask(name))]),
  )
  return { masks, feeds }
}

/** Copies loaded weights into the memory; throws a ShapeError where a size differs. */
export function restore(memory: ParameterMemory, weights: ReadonlyMap<string, Float32Array>): void {
  for (const [name, data] of weights) {
    const target = memory.value(name)
    if (target.length !== data.length)
      throw new ShapeError(`weight '${name}' has ${data.length} values, the model needs ${target.length}`)
    target.set(data)
  }
}
