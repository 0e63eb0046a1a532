import { concat, type Graph, gather, reshape, type Tensor } from '../graph/index.js'
import { encodePrefix, T5_MODEL } from '../models/blip2.js'
import type { KeyValue } from '../models/qformer.js'
import {
  relativeBucket,
  T5_START,
  type T5Config,
  t5CrossKeyValues,
  t5Decoder,
  t5Embed,
  t5Head,
  t5RelativeBias,
} from '../models/t5.js'
import { OPT_MASK, paddingBias } from '../nn/attention.js'
import { Scope } from '../nn/scope.js'
import { type CompiledFunction, type CompileOptions, FunctionCache, int64, type Value } from '../runtime/index.js'
import { compileGraph } from './compileGraph.js'
import type { Decoder } from './decoder.js'
import { KeyValueCache, namedCache } from './keyValueCache.js'
import type { LanguageGenerator } from './languageGenerator.js'
import type { EncodedBatch } from '../text/tokenizer.js'
import { CROSS, drawT5Encoding, encodingFeeds } from './t5Encoding.js'

/**
 * T5 answering soft prompts. Two graphs are compiled: one that encodes prompt and text and writes the first token, by
 * the text's length, and one for a step, for any number of rows and of tokens before. Of weights that are mapped the first
 * one encodes alone, at any length, so that no matrix is in both (t5Encoding.ts). The encoder runs once; its keys and
 * values are shared by all beams of a row. Texts are padded on the right: T5 counts distances between tokens,
 * padding included, so padding in front of a text would change it.
 */
export class T5Generator implements LanguageGenerator {
  readonly padSide = 'right'
  readonly promptTokens = [T5_START]
  readonly #config: T5Config
  readonly #options: CompileOptions
  readonly #functions = new FunctionCache()

  constructor(config: T5Config, options: CompileOptions) {
    this.#config = config
    this.#options = options
  }

  decode(prompt: Value, texts: EncodedBatch, maxNewTokens: number): Decoder {
    return new CachedT5Decoder(this.#config, this.#functions, this.#options, prompt, texts, maxNewTokens)
  }

  async prepare(): Promise<void> {
    if (!isMapped(this.#options)) return
    await openStep(this.#config, this.#functions, this.#options)
    await openEncoding(this.#config, this.#functions, this.#options)
  }

  dispose(): Promise<void> {
    return this.#functions.dispose()
  }
}

/** The graph of a step, for any prompt. */
const openStep = (config: T5Config, functions: FunctionCache, options: CompileOptions): Promise<CompiledFunction> =>
  functions.get('step', () => compileGraph((graph) => drawT5Step(graph, config), options))

/** The graph that encodes prompts of any length, of mapped weights. */
const openEncoding = (config: T5Config, functions: FunctionCache, options: CompileOptions): Promise<CompiledFunction> =>
  functions.get('encoding', () => compileGraph((graph) => drawT5Encoding(graph, config), options))

/** Weights that are mapped are large: no second graph repacks them. */
const isMapped = ({ weightDirectory }: CompileOptions): boolean => weightDirectory !== undefined

class CachedT5Decoder implements Decoder {
  readonly vocabularySize: number
  readonly #config: T5Config
  readonly #functions: FunctionCache
  readonly #options: CompileOptions
  readonly #prompt: Value
  readonly #texts: EncodedBatch
  readonly #cache: KeyValueCache
  /** Keys and values of the encoder's output, and its mask: what every step reads. */
  #encoded: Readonly<Record<string, Value>> = {}
  /** For each row of the last call, its row of the first one. */
  #sources: readonly number[] = []
  #logits = new Float32Array()

  constructor(
    config: T5Config,
    functions: FunctionCache,
    options: CompileOptions,
    prompt: Value,
    texts: EncodedBatch,
    maxNewTokens: number,
  ) {
    this.vocabularySize = config.vocabularySize
    this.#config = config
    this.#functions = functions
    this.#options = options
    this.#prompt = prompt
    this.#texts = texts
    const { decoderLayers: layers, heads, headSize } = config
    this.#cache = new KeyValueCache({ layers, heads, headSize }, 1 + maxNewTokens)
  }

  async start(): Promise<Float32Array> {
    const [rows] = this.#prompt.shape as [number]
    this.#sources = Array.from({ length: rows }, (_, row) => row)
    if (isMapped(this.#options)) return this.#encodeThenStep(rows)
    const [, queries] = this.#prompt.shape as [number, number]
    const { ids, mask, shape } = this.#texts
    const prefill = await this.#functions.get(`prefill ${queries} ${shape[1]}`, () =>
      compileGraph((graph) => drawT5Prefill(graph, this.#config, queries, shape[1]), this.#options),
    )
    const start = Array.from({ length: rows }, () => T5_START)
    const feeds = {
      prompt: this.#prompt,
      ids: int64(shape, ids),
      mask: int64(shape, mask),
      start: int64([rows, 1], start),
    }
    this.#keepEncoded(await this.#run(prefill, feeds, rows, 1))
    return this.#logits.subarray(0, rows * this.vocabularySize)
  }

  async next(parents: readonly number[], tokens: readonly number[]): Promise<Float32Array> {
    this.#sources = parents.map((parent) => this.#sources[parent]!)
    return this.#step(parents, tokens, this.#cache.feeds())
  }

  async #encodeThenStep(rows: number): Promise<Float32Array> {
    const encoding = await openEncoding(this.#config, this.#functions, this.#options)
    this.#keepEncoded(await encoding.run(encodingFeeds(this.#config, this.#prompt, this.#texts, this.#encodedMask())))
    const start = this.#sources.map(() => T5_START)
    return this.#step(this.#sources, start, this.#cache.emptyFeeds(rows))
  }

  /** What the steps read of a run that encoded. The runtime's buffers are overwritten when another search begins. */
  #keepEncoded(found: Readonly<Record<string, Value>>): void {
    const kept = Object.entries(found).filter(([name]) => name.startsWith(CROSS))
    const cross = kept.map(([name, value]) => [name, { ...value, data: value.data.slice() } as Value] as const)
    this.#encoded = { ...Object.fromEntries(cross), encodedMask: this.#encodedMask() }
  }

  #encodedMask(): Value {
    const [rows, queries] = this.#prompt.shape as [number, number]
    return int64([rows, queries + this.#texts.shape[1]], withPrompt(this.#texts.mask, rows, queries))
  }

  async #step(
    parents: readonly number[],
    tokens: readonly number[],
    pastFeeds: Readonly<Record<string, Value>>,
  ): Promise<Float32Array> {
    const step = await openStep(this.#config, this.#functions, this.#options)
    const rows = tokens.length
    const past = this.#cache.length
    const feeds = {
      ids: int64([rows, 1], tokens),
      parents: int64([rows], parents),
      sources: int64([rows], this.#sources),
      pastBuckets: int64(
        [1, past],
        Array.from({ length: past }, (_, place) => relativeBucket(place - past, this.#config, 'decoder')),
      ),
      ...this.#encoded,
      ...pastFeeds,
    }
    await this.#run(step, feeds, rows, past + 1)
    return this.#logits.subarray(0, rows * this.vocabularySize)
  }

  async #run(
    compiled: CompiledFunction,
    feeds: Readonly<Record<string, Value>>,
    rows: number,
    length: number,
  ): Promise<Record<string, Value>> {
    const size = rows * this.vocabularySize
    if (this.#logits.length < size) this.#logits = new Float32Array(size)
    const logits = this.#logits.subarray(0, size)
    const found = await compiled.run(feeds, { logits, ...this.#cache.targets(rows, length) })
    this.#cache.advance(rows, length)
    return found
  }
}

/**
 * Inputs: 'prompt' [rows, queries, width], 'ids' and 'mask' [rows, tokens], 'start' [rows, 1]. Outputs: 'logits' [rows,
 * vocabulary], keys and values of the start token, and those of the encoder's output as 'cross.NAME'.
 */
export function drawT5Prefill(graph: Graph, config: T5Config, queries: number, tokens: number): Record<string, Tensor> {
  const root = new Scope(graph)
  const p = root.in(T5_MODEL)
  const prompt = graph.input('prompt', 'float32', ['rows', queries, config.width])
  const [ids, mask] = ['ids', 'mask'].map((name) => graph.input(name, 'int64', ['rows', tokens])) as [Tensor, Tensor]
  const prefix = encodePrefix(root, { language: config }, prompt, ids, mask)
  const cross = t5CrossKeyValues(p, config, prefix.encoded)
  const own = graph.constant(BigInt64Array.of(BigInt(relativeBucket(0, config, 'decoder'))), [1, 1])
  const { output, cache } = t5Decoder(p, config, {
    embeddings: t5Embed(p, config, graph.input('start', 'int64', ['rows', 1])),
    attentionBias: t5RelativeBias(p, config, 'decoder', own),
    cross,
    crossBias: paddingBias(prefix.mask, OPT_MASK),
  })
  return { logits: lastLogits(p, config, output), ...namedCache(cache), ...namedCache(cross, CROSS) }
}

/**
 * Inputs: 'ids' [rows, 1], 'parents' and 'sources' [rows], 'pastBuckets' [1, past], 'encodedMask' [pictures, encoded],
 * the keys and values of the call before as 'past.NAME' [previous, heads, past, size], and those of the encoder's output
 * as 'cross.NAME' [pictures, heads, encoded, size].
 */
export function drawT5Step(graph: Graph, config: T5Config): Record<string, Tensor> {
  const p = new Scope(graph).in(T5_MODEL)
  const ids = graph.input('ids', 'int64', ['rows', 1])
  const rowsOf = (name: string) => graph.input(name, 'int64', ['rows'])
  const [parents, sources] = [rowsOf('parents'), rowsOf('sources')]
  const take = (prefix: string, shape: readonly [string, string], rows: Tensor) =>
    Array.from({ length: config.decoderLayers }, (_, i): KeyValue => {
      const [first, length] = shape
      const input = (name: string) =>
        gather(graph.input(`${prefix}${name}.${i}`, 'float32', [first, config.heads, length, config.headSize]), 0, rows)
      return { key: input('key'), value: input('value') }
    })
  const own = graph.constant(BigInt64Array.of(BigInt(relativeBucket(0, config, 'decoder'))), [1, 1])
  const buckets = concat([graph.input('pastBuckets', 'int64', [1, 'past']), own], 1)
  const encodedMask = gather(graph.input('encodedMask', 'int64', ['pictures', 'encoded']), 0, sources)
  const { output, cache } = t5Decoder(p, config, {
    embeddings: t5Embed(p, config, ids),
    attentionBias: t5RelativeBias(p, config, 'decoder', buckets),
    past: take('past.', ['previous', 'past'], parents),
    cross: take(CROSS, ['pictures', 'encoded'], sources),
    crossBias: paddingBias(encodedMask, OPT_MASK),
  })
  return { logits: lastLogits(p, config, output), ...namedCache(cache) }
}

/** hidden: [rows, 1, width] -> [rows, vocabulary] */
const lastLogits = (p: Scope, config: T5Config, hidden: Tensor): Tensor =>
  reshape(t5Head(p, config, hidden), [hidden.size(0), config.vocabularySize])

/** The soft prompt is always seen. -> [rows, queries + tokens] */
function withPrompt(mask: BigInt64Array, rows: number, queries: number): BigInt64Array {
  const tokens = mask.length / rows
  const whole = new BigInt64Array(rows * (queries + tokens)).fill(1n)
  for (let row = 0; row < rows; row++)
    whole.set(mask.subarray(row * tokens, (row + 1) * tokens), row * (queries + tokens) + queries)
  return whole
}
