import { ConfigError } from '../errors.js'
import { compileGraph } from '../generate/compileGraph.js'
import type { Decoder } from '../generate/decoder.js'
import { KeyValueCache, namedCache } from '../generate/keyValueCache.js'
import { gather, type Graph, type Tensor } from '../graph/index.js'
import { type BlipConfig, blipDecode, blipNextToken } from '../models/blip.js'
import type { KeyValue } from '../models/qformer.js'
import { Scope } from '../nn/scope.js'
import { type CompileOptions, type FunctionCache, int64, type Value } from '../runtime/index.js'

/** What one search starts from. */
export interface BlipSearch {
  /** Keys and values of the pictures by the names that `namedCache` gives with this prefix, see `blipPicture`. */
  readonly pictures: Readonly<Record<string, Value>>
  /** How many pictures there are. */
  readonly count: number
  /** The tokens that every text begins with. */
  readonly prompt: readonly number[]
  readonly maxNewTokens: number
}

/** In front of the names of the pictures' keys and values. */
export const PICTURE = 'picture.'

/**
 * BLIP's text decoder with a cache, for one search. Every picture has a block of rows in the runtime, one for each of its
 * texts, so that all of them ask the picture together; rows that are not used are computed and not looked at. Two graphs
 * are compiled: one over the prompt, one for a step.
 */
export class BlipDecoder implements Decoder {
  readonly vocabularySize: number
  readonly #config: BlipConfig
  readonly #functions: FunctionCache
  readonly #options: CompileOptions
  readonly #search: BlipSearch
  readonly #cache: KeyValueCache
  /** The runtime's row of each row of the last call, and its picture. */
  #rows: readonly { readonly place: number; readonly picture: number }[] = []
  /** Rows of a picture. */
  #texts = 0
  #places = new Float32Array()
  #logits = new Float32Array()

  /** @throws ConfigError where the texts are longer than the model has positions for. */
  constructor(config: BlipConfig, functions: FunctionCache, options: CompileOptions, search: BlipSearch) {
    const { layers, heads, width, maxPositions, vocabularySize } = config.text
    const length = search.prompt.length + search.maxNewTokens
    if (length > maxPositions)
      throw new ConfigError(`prompt and caption take ${length} tokens; the captioner has ${maxPositions} positions`)
    this.vocabularySize = vocabularySize
    this.#config = config
    this.#functions = functions
    this.#options = options
    this.#search = search
    this.#cache = new KeyValueCache({ layers, heads, headSize: width / heads }, length)
  }

  start(): Promise<Float32Array> {
    const { count, prompt } = this.#search
    this.#rows = Array.from({ length: count }, (_, picture) => ({ place: picture, picture }))
    const rows = this.#rows.flatMap(() => prompt)
    const feeds = {
      ids: int64([count, prompt.length], rows),
      positions: int64([1, prompt.length], [...prompt.keys()]),
    }
    const key = `prompt ${count} ${prompt.length}`
    return this.#run(key, (graph) => this.#drawPrompt(graph), feeds, count, prompt.length)
  }

  next(parents: readonly number[], tokens: readonly number[]): Promise<Float32Array> {
    const { count } = this.#search
    const before = parents.map((parent) => this.#rows[parent]!)
    const used = Array.from({ length: count }, () => 0)
    const turns = before.map(({ picture }) => used[picture]!++)
    // The first step has the most: later on texts end.
    this.#texts = Math.max(this.#texts, ...used)
    this.#rows = before.map(({ picture }, i) => ({ picture, place: picture * this.#texts + turns[i]! }))
    const rows = count * this.#texts
    const [ids, from] = [new Array<number>(rows).fill(0), new Array<number>(rows).fill(0)]
    this.#rows.forEach(({ place }, i) => {
      ids[place] = tokens[i]!
      from[place] = before[i]!.place
    })
    const past = this.#cache.length
    const feeds = {
      ids: int64([rows, 1], ids),
      positions: int64([1, 1], [past]),
      parents: int64([rows], from),
      ...this.#cache.feeds(),
    }
    return this.#run(`step ${count} ${this.#texts}`, (graph) => this.#drawStep(graph, rows), feeds, rows, past + 1)
  }

  /** Runs a graph over all of the runtime's rows. -> the logits of the caller's rows */
  async #run(
    key: string,
    draw: (graph: Graph) => Record<string, Tensor>,
    feeds: Readonly<Record<string, Value>>,
    rows: number,
    length: number,
  ): Promise<Float32Array> {
    const compiled = await this.#functions.get(key, () => compileGraph(draw, this.#options))
    const size = this.vocabularySize
    if (this.#places.length !== rows * size) this.#places = new Float32Array(rows * size)
    await compiled.run(
      { ...feeds, ...this.#search.pictures },
      { logits: this.#places, ...this.#cache.targets(rows, length) },
    )
    this.#cache.advance(rows, length)
    if (this.#logits.length < this.#rows.length * size) this.#logits = new Float32Array(this.#rows.length * size)
    this.#rows.forEach(({ place }, i) => {
      this.#logits.set(this.#places.subarray(place * size, (place + 1) * size), i * size)
    })
    return this.#logits.subarray(0, this.#rows.length * size)
  }

  #drawPrompt(graph: Graph): Record<string, Tensor> {
    const { count, prompt } = this.#search
    return this.#draw(graph, count, prompt.length)
  }

  #drawStep(graph: Graph, rows: number): Record<string, Tensor> {
    const { heads, width, layers } = this.#config.text
    const parents = graph.input('parents', 'int64', [rows])
    const shape = ['previous', heads, 'past', width / heads]
    const past = (name: string) => gather(graph.input(`past.${name}`, 'float32', shape), 0, parents)
    const cache = Array.from({ length: layers }, (_, i) => ({ key: past(`key.${i}`), value: past(`value.${i}`) }))
    return this.#draw(graph, rows, 1, cache)
  }

  #draw(graph: Graph, rows: number, tokens: number, past?: readonly KeyValue[]): Record<string, Tensor> {
    const p = new Scope(graph)
    const { output, cache } = blipDecode(p, this.#config, {
      ids: graph.input('ids', 'int64', [rows, tokens]),
      positions: graph.input('positions', 'int64', [1, tokens]),
      picture: this.#pictureInputs(graph),
      ...(past ? { past } : {}),
    })
    return { logits: blipNextToken(p, this.#config, output), ...namedCache(cache) }
  }

  #pictureInputs(graph: Graph): KeyValue[] {
    const input = (name: string) => {
      const { shape } = this.#search.pictures[`${PICTURE}${name}`]!
      return graph.input(`${PICTURE}${name}`, 'float32', shape)
    }
    return Array.from({ length: this.#config.text.layers }, (_, i) => ({
      key: input(`key.${i}`),
      value: input(`value.${i}`),
    }))
  }
}
