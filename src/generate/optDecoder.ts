import { ConfigError } from '../errors.js'
import { concat, expandBatch, Graph, gather, reshape, slice, type Tensor } from '../graph/index.js'
import { type OptConfig, opt, optDecode, optEmbed, optHead } from '../models/opt.js'
import type { KeyValue } from '../models/qformer.js'
import { onesLike } from '../nn/attention.js'
import { Scope } from '../nn/scope.js'
import { CompiledFunction, type CompileOptions, FunctionCache, int64, type Value } from '../runtime/index.js'
import type { Decoder } from './decoder.js'

/** The scope of the language model in BLIP-2. */
const LANGUAGE_MODEL = 'opt_model'
/** The position table starts with two unused rows, so token i of a text without padding has row i + 2. */
const POSITION_OFFSET = 2

/**
 * OPT continuing soft prompts. Two graphs are compiled: one over the prompt, by its length, and one for a step, for any
 * number of rows and of tokens before. Keys and values of past tokens are kept, so a step costs one token. Dispose it
 * when done.
 */
export class OptGenerator {
  readonly #config: OptConfig
  readonly #options: CompileOptions
  readonly #functions = new FunctionCache()

  constructor(config: OptConfig, options: CompileOptions) {
    this.#config = config
    this.#options = options
  }

  /**
   * A decoder for one search; a second one may be made when the first is no longer used, for they share buffers.
   *
   * @param prompt soft prompts, float32 [rows, queries, width]
   * @param ids tokens between the soft prompt and the new text, the same for all rows
   * @param maxNewTokens must leave the positions of the model enough
   */
  decode(prompt: Value, ids: readonly number[], maxNewTokens: number): Decoder {
    const length = prompt.shape[1]! + ids.length
    if (length + maxNewTokens > this.#config.maxPositions)
      throw new ConfigError(
        `the soft prompt and the text prompt take ${length} of the language model's ${this.#config.maxPositions} positions; maxNewTokens ${maxNewTokens} is too much, at most ${this.#config.maxPositions - length} fit`,
      )
    return new CachedDecoder(this.#config, this.#functions, this.#options, prompt, ids)
  }

  dispose(): Promise<void> {
    return this.#functions.dispose()
  }
}

class CachedDecoder implements Decoder {
  readonly vocabularySize: number
  readonly #config: OptConfig
  readonly #functions: FunctionCache
  readonly #options: CompileOptions
  readonly #prompt: Value
  readonly #ids: readonly number[]
  #cache: Record<string, Value> = {}
  #length = 0

  constructor(
    config: OptConfig,
    functions: FunctionCache,
    options: CompileOptions,
    prompt: Value,
    ids: readonly number[],
  ) {
    this.vocabularySize = config.vocabularySize
    this.#config = config
    this.#functions = functions
    this.#options = options
    this.#prompt = prompt
    this.#ids = ids
  }

  async start(): Promise<Float32Array> {
    const [, queries] = this.#prompt.shape as [number, number]
    const tokens = this.#ids.length
    const prefill = await this.#functions.get(`prefill ${queries} ${tokens}`, () =>
      this.#compile((graph) => drawPrefill(graph, this.#config, queries, tokens)),
    )
    this.#length = queries + tokens
    return this.#take(await prefill.run({ prompt: this.#prompt, ids: int64([1, tokens], this.#ids) }))
  }

  async next(parents: readonly number[], tokens: readonly number[]): Promise<Float32Array> {
    const step = await this.#functions.get('step', () => this.#compile((graph) => drawStep(graph, this.#config)))
    const feeds = {
      ids: int64([tokens.length, 1], tokens),
      parents: int64([parents.length], parents),
      position: int64([1, 1], [this.#length + POSITION_OFFSET]),
      ...this.#cache,
    }
    this.#length++
    return this.#take(await step.run(feeds))
  }

  /** Keeps keys and values for the next step. Theirs are new arrays at each step, since each is longer than the last. */
  #take({ logits, ...cache }: Record<string, Value>): Float32Array {
    this.#cache = Object.fromEntries(Object.entries(cache).map(([name, value]) => [`past.${name}`, value]))
    return logits!.data as Float32Array
  }

  #compile(draw: (graph: Graph) => Record<string, Tensor>): Promise<CompiledFunction> {
    const graph = new Graph()
    return CompiledFunction.create(graph, draw(graph), this.#options)
  }
}

/** Inputs: 'prompt' [rows, queries, width], 'ids' [1, tokens]. Outputs: 'logits' [rows, vocabulary], keys and values. */
function drawPrefill(graph: Graph, config: OptConfig, queries: number, tokens: number): Record<string, Tensor> {
  const p = new Scope(graph).in(LANGUAGE_MODEL)
  const prompt = graph.input('prompt', 'float32', ['rows', queries, config.width])
  const text = expandBatch(optEmbed(p, config, graph.input('ids', 'int64', [1, tokens])), prompt)
  const length = queries + tokens
  // No row has padding, so one mask and one row of positions serve all.
  const { output, cache } = optDecode(p, config, concat([prompt, text], 1), onesLike(graph, [1, length]))
  return { logits: lastLogits(p, config, slice(output, 1, length - 1, length)), ...named(cache) }
}

/**
 * Inputs: 'ids' [rows, 1], 'parents' [rows], 'position' [1, 1], and the keys and values of the call before as
 * 'past.NAME' [previous, heads, past, size].
 */
function drawStep(graph: Graph, config: OptConfig): Record<string, Tensor> {
  const p = new Scope(graph).in(LANGUAGE_MODEL)
  const parents = graph.input('parents', 'int64', ['rows'])
  const shape = ['previous', config.heads, 'past', config.width / config.heads]
  const past = (name: string) => gather(graph.input(`past.${name}`, 'float32', shape), 0, parents)
  const { output, cache } = opt(p, config, {
    embeddings: optEmbed(p, config, graph.input('ids', 'int64', ['rows', 1])),
    positions: graph.input('position', 'int64', [1, 1]),
    // A new token sees all before it.
    attentionBias: graph.constant(new Float32Array(1), [1, 1, 1, 1]),
    past: Array.from({ length: config.layers }, (_, i) => ({ key: past(`key.${i}`), value: past(`value.${i}`) })),
  })
  return { logits: lastLogits(p, config, output), ...named(cache) }
}

/** hidden: [rows, 1, width] -> [rows, vocabulary] */
const lastLogits = (p: Scope, config: OptConfig, hidden: Tensor): Tensor =>
  reshape(optHead(p, config, hidden), [hidden.size(0), config.vocabularySize])

const named = (cache: readonly KeyValue[]): Record<string, Tensor> =>
  Object.fromEntries(
    cache.flatMap(({ key, value }, i) => [
      [`key.${i}`, key],
      [`value.${i}`, value],
    ]),
  )
