import { Graph, type Tensor } from '../graph/index.js'
import { Scope } from '../nn/scope.js'
import { CompiledFunction, type Data, type Device, FunctionCache, type Value, zeros } from '../runtime/index.js'
import type { GraphWeights } from '../weights/heldWeights.js'

export interface ExecutionOptions {
  /** Where the model runs (default 'cpu'). */
  readonly device?: Device
  /** Threads of one operator (default: one per core). */
  readonly threads?: number
}

/** Functions kept of weights that are mapped: repacked weights are a copy for each. */
const MAPPED_FUNCTIONS = 1
/** Rows that run at once: more would not run faster, and would hold more memory. */
const LARGEST_BATCH = 32

/**
 * A part of a model over any number of rows. It is compiled once for each power of two up to 32 and for each size of
 * the inputs; rows run in batches of that size, the last one filled up with zeros. One call at a time.
 */
export class BatchedFunction<Input extends string, Output extends string> {
  readonly #draw: (p: Scope, inputs: Readonly<Record<Input, Tensor>>) => Record<Output, Tensor>
  readonly #weights: GraphWeights
  readonly #options: ExecutionOptions
  readonly #functions: FunctionCache<CompiledFunction<Output>>

  /** @param draw Draws the part for a batch; every input and output has the batch as its first axis. */
  constructor(
    draw: (p: Scope, inputs: Readonly<Record<Input, Tensor>>) => Record<Output, Tensor>,
    weights: GraphWeights,
    options: ExecutionOptions,
  ) {
    this.#draw = draw
    this.#weights = weights
    this.#options = options
    this.#functions = new FunctionCache(weights.weightDirectory === undefined ? undefined : MAPPED_FUNCTIONS)
  }

  /** Runs over the rows of the feeds; the outputs have as many, and are the caller's to keep. */
  async run(feeds: Readonly<Record<Input, Value>>, signal?: AbortSignal): Promise<Record<Output, Value>> {
    const given = Object.entries(feeds) as [Input, Value][]
    const rows = given[0]![1].shape[0]!
    const collected = {} as Record<Output, Value>
    for (let start = 0; start < rows; start += LARGEST_BATCH) {
      signal?.throwIfAborted()
      const count = Math.min(LARGEST_BATCH, rows - start)
      const batch = powerOfTwoFrom(count)
      const part = given.map(([name, feed]) => [name, take(feed, start, count, batch)] as const)
      const key = part.map(([, { shape }]) => shape.join()).join(' ')
      const compiled = await this.#functions.get(key, () => this.#compile(part))
      const outputs = await compiled.run(Object.fromEntries(part))
      for (const [name, output] of Object.entries(outputs) as [Output, Value][]) {
        collected[name] ??= zeros(output.dtype, [rows, ...output.shape.slice(1)])
        put(output, collected[name], start, count)
      }
    }
    return collected
  }

  dispose(): Promise<void> {
    return this.#functions.dispose()
  }

  #compile(feeds: readonly (readonly [Input, Value])[]): Promise<CompiledFunction<Output>> {
    const graph = new Graph()
    const inputs = feeds.map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)])
    return CompiledFunction.create(graph, this.#draw(new Scope(graph), Object.fromEntries(inputs)), {
      ...this.#options,
      ...this.#weights,
    })
  }
}

function powerOfTwoFrom(count: number): number {
  let batch = 1
  while (batch < count) batch *= 2
  return batch
}

/** Rows start..start+count-1, with rows of zeros up to `batch`. */
function take({ dtype, shape, data }: Value, start: number, count: number, batch: number): Value {
  const size = data.length / shape[0]!
  const sizes = [batch, ...shape.slice(1)]
  const rows = data.subarray(start * size, (start + count) * size) as Data
  if (count === batch) return { dtype, shape: sizes, data: rows as never }
  const padded = zeros(dtype, sizes)
  copy(rows, padded.data, 0)
  return padded
}

function put({ data, shape }: Value, into: Value, start: number, count: number): void {
  const size = data.length / shape[0]!
  copy(data.subarray(0, count * size) as Data, into.data, start * size)
}

/** The arrays are of one type, which the union cannot say. */
const copy = (from: Data, to: Data, at: number): void => to.set(from as never, at)
