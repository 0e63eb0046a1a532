import { ConfigError } from '../errors.js'
import { concat, expandBatch, type Graph, gather, matmul, reshape, type Tensor } from '../graph/index.js'
import { OPT_MODEL } from '../models/blip2.js'
import { type OptConfig, opt, optDecode, optEmbed, optEmbeddingWidth, optHead } from '../models/opt.js'
import { OPT_MASK } from '../nn/attention.js'
import { Scope } from '../nn/scope.js'
import {
  type CompiledFunction,
  type CompileOptions,
  FunctionCache,
  float32,
  int64,
  type Value,
} from '../runtime/index.js'
import type { EncodedBatch } from '../text/tokenizer.js'
import { compileGraph } from './compileGraph.js'
import type { Decoder } from './decoder.js'
import { KeyValueCache, namedCache } from './keyValueCache.js'
import type { LanguageGenerator } from './languageGenerator.js'
import { drawPass, promptFeeds, tokenFeeds } from './optPass.js'

/** The position table starts with two unused rows, so token i of a text, padding not counted, has row i + 2. */
const POSITION_OFFSET = 2

/**
 * OPT continuing soft prompts. Two graphs are compiled: one over the prompt, by its length, and one for a step, for any
 * number of rows and of tokens before; weights that are mapped have one graph for both (optPass.ts). Keys and
 * values of past tokens are kept, so a step costs one token. Texts are padded on the left, between soft prompt and text,
 * as the authors do; padding on the right gives the same.
 */
export class OptGenerator implements LanguageGenerator {
  readonly padSide = 'left'
  readonly promptTokens = []
  readonly #config: OptConfig
  readonly #options: CompileOptions
  readonly #functions = new FunctionCache()

  constructor(config: OptConfig, options: CompileOptions) {
    this.#config = config
    this.#options = options
  }

  /** @throws ConfigError where prompt and new tokens are more than the model has positions for. */
  decode(prompt: Value, texts: EncodedBatch, maxNewTokens: number): Decoder {
    const padded = prompt.shape[1]! + texts.shape[1]
    const length = prompt.shape[1]! + longestText(texts)
    if (length + maxNewTokens > this.#config.maxPositions)
      throw new ConfigError(
        `the soft prompt and the text prompt take ${length} of the language model's ${this.#config.maxPositions} positions; maxNewTokens ${maxNewTokens} is too much, at most ${Math.max(0, this.#config.maxPositions - length)} fit`,
      )
    return new CachedDecoder(this.#config, this.#functions, this.#options, prompt, texts, padded + maxNewTokens)
  }

  async prepare(): Promise<void> {
    if (isMapped(this.#options)) await openPass(this.#config, this.#functions, this.#options)
  }

  dispose(): Promise<void> {
    return this.#functions.dispose()
  }
}

/** The graph of mapped weights, for prompts and steps. */
const openPass = (config: OptConfig, functions: FunctionCache, options: CompileOptions): Promise<CompiledFunction> =>
  functions.get('pass', () => compileGraph((graph) => drawPass(graph, config), options))

/** Weights that are mapped are large: no second graph repacks them, at the cost of sizes that are known when it runs. */
const isMapped = ({ weightDirectory }: CompileOptions): boolean => weightDirectory !== undefined

/** Tokens of the longest text; padding takes no position. */
function longestText({ mask, shape: [rows, tokens] }: EncodedBatch): number {
  const lengths = Array.from({ length: rows }, (_, row) =>
    mask.subarray(row * tokens, (row + 1) * tokens).reduce((total, isText) => total + Number(isText), 0),
  )
  return Math.max(...lengths)
}

/** Where a row's text stands: which tokens of its prompt are padding, and how many are not. */
interface Row {
  readonly mask: readonly number[]
  readonly promptLength: number
}

class CachedDecoder implements Decoder {
  readonly vocabularySize: number
  readonly #config: OptConfig
  readonly #functions: FunctionCache
  readonly #options: CompileOptions
  readonly #prompt: Value
  readonly #texts: EncodedBatch
  readonly #cache: KeyValueCache
  #rows: readonly Row[] = []
  #steps = 0
  #logits = new Float32Array()

  constructor(
    config: OptConfig,
    functions: FunctionCache,
    options: CompileOptions,
    prompt: Value,
    texts: EncodedBatch,
    maxLength: number,
  ) {
    this.vocabularySize = config.vocabularySize
    this.#config = config
    this.#functions = functions
    this.#options = options
    this.#prompt = prompt
    this.#texts = texts
    const { layers, heads, width } = config
    this.#cache = new KeyValueCache({ layers, heads, headSize: width / heads }, maxLength)
  }

  async start(): Promise<Float32Array> {
    const [rows, queries] = this.#prompt.shape as [number, number]
    const { ids, shape } = this.#texts
    const tokens = shape[1]
    const length = queries + tokens
    const texts = int64([rows, tokens], ids)
    this.#rows = Array.from({ length: rows }, (_, row) => this.#row(row, queries, tokens))
    if (isMapped(this.#options)) {
      const masks = this.#rows.map(({ mask }) => mask)
      const feeds = { ...promptFeeds(this.#prompt, texts, masks), ...this.#cache.emptyFeeds(rows) }
      return this.#run(await this.#pass(), feeds, rows, length)
    }
    const prefill = await this.#functions.get(`prefill ${queries} ${tokens}`, () =>
      compileGraph((graph) => drawOptPrefill(graph, this.#config, queries, tokens), this.#options),
    )
    const last = new Float32Array(rows * length)
    this.#rows.forEach(({ mask }, row) => {
      last[row * length + mask.lastIndexOf(1)] = 1
    })
    const feeds = {
      prompt: this.#prompt,
      ids: texts,
      mask: int64(
        [rows, length],
        this.#rows.flatMap(({ mask }) => mask),
      ),
      last: float32([rows, 1, length], last),
    }
    return this.#run(prefill, feeds, rows, length)
  }

  async next(parents: readonly number[], tokens: readonly number[]): Promise<Float32Array> {
    const rows = tokens.length
    const past = this.#cache.length
    this.#rows = parents.map((parent) => this.#rows[parent]!)
    const hidden = new Float32Array(rows * past)
    this.#rows.forEach(({ mask }, row) => {
      mask.forEach((isText, i) => {
        if (!isText) hidden[row * past + i] = OPT_MASK
      })
    })
    const positions = this.#rows.map(({ promptLength }) => promptLength + this.#steps + POSITION_OFFSET)
    this.#steps++
    if (isMapped(this.#options)) {
      const feeds = tokenFeeds(this.#config, tokens, parents, positions, hidden)
      return this.#run(await this.#pass(), { ...feeds, ...this.#cache.feeds() }, rows, past + 1)
    }
    const step = await this.#functions.get('step', () =>
      compileGraph((graph) => drawOptStep(graph, this.#config), this.#options),
    )
    const feeds = {
      ids: int64([rows, 1], tokens),
      parents: int64([rows], parents),
      positions: int64([rows, 1], positions),
      pastBias: float32([rows, 1, 1, past], hidden),
      ...this.#cache.feeds(),
    }
    return this.#run(step, feeds, rows, past + 1)
  }

  #pass(): Promise<CompiledFunction> {
    return openPass(this.#config, this.#functions, this.#options)
  }

  async #run(
    compiled: CompiledFunction,
    feeds: Readonly<Record<string, Value>>,
    rows: number,
    length: number,
  ): Promise<Float32Array> {
    const size = rows * this.vocabularySize
    if (this.#logits.length < size) this.#logits = new Float32Array(size)
    const logits = this.#logits.subarray(0, size)
    await compiled.run(feeds, { logits, ...this.#cache.targets(rows, length) })
    this.#cache.advance(rows, length)
    return logits
  }

  #row(row: number, queries: number, tokens: number): Row {
    const text = Array.from(this.#texts.mask.subarray(row * tokens, (row + 1) * tokens), Number)
    const mask = [...Array.from({ length: queries }, () => 1), ...text]
    return { mask, promptLength: mask.filter((isText) => isText).length }
  }
}

/**
 * Inputs: 'prompt' [rows, queries, width], 'ids' [rows, tokens], 'mask' [rows, queries + tokens], and 'last' [rows, 1,
 * queries + tokens], 1 at each row's last token, else 0. Outputs: 'logits' [rows, vocabulary], keys and values.
 */
export function drawOptPrefill(
  graph: Graph,
  config: OptConfig,
  queries: number,
  tokens: number,
): Record<string, Tensor> {
  const p = new Scope(graph).in(OPT_MODEL)
  const length = queries + tokens
  const prompt = graph.input('prompt', 'float32', ['rows', queries, optEmbeddingWidth(config)])
  const text = optEmbed(p, config, graph.input('ids', 'int64', ['rows', tokens]))
  const mask = graph.input('mask', 'int64', ['rows', length])
  const { output, cache } = optDecode(p, config, concat([prompt, text], 1), mask)
  // A product with zeros and one 1 picks the row exactly.
  const last = matmul(graph.input('last', 'float32', ['rows', 1, length]), output)
  return { logits: lastLogits(p, config, last), ...namedCache(cache) }
}

/**
 * Inputs: 'ids' and 'positions' [rows, 1], 'parents' [rows], 'pastBias' [rows, 1, 1, past], and the keys and values of
 * the call before as 'past.NAME' [previous, heads, past, size].
 */
export function drawOptStep(graph: Graph, config: OptConfig): Record<string, Tensor> {
  const p = new Scope(graph).in(OPT_MODEL)
  const ids = graph.input('ids', 'int64', ['rows', 1])
  const parents = graph.input('parents', 'int64', ['rows'])
  const shape = ['previous', config.heads, 'past', config.width / config.heads]
  const past = (name: string) => gather(graph.input(`past.${name}`, 'float32', shape), 0, parents)
  // A new token sees itself and all before it that is no padding.
  const own = expandBatch(graph.constant(new Float32Array(1), [1, 1, 1, 1]), ids)
  const { output, cache } = opt(p, config, {
    embeddings: optEmbed(p, config, ids),
    positions: graph.input('positions', 'int64', ['rows', 1]),
    attentionBias: concat([graph.input('pastBias', 'float32', ['rows', 1, 1, 'past']), own], 3),
    past: Array.from({ length: config.layers }, (_, i) => ({ key: past(`key.${i}`), value: past(`value.${i}`) })),
  })
  return { logits: lastLogits(p, config, output), ...namedCache(cache) }
}

/** hidden: [rows, 1, width] -> [rows, vocabulary] */
const lastLogits = (p: Scope, config: OptConfig, hidden: Tensor): Tensor =>
  reshape(optHead(p, config, hidden), [hidden.size(0), config.vocabularySize])
