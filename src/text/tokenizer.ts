import { ConfigError, DataError } from '../errors.js'
import { openPipeline, type Pipeline } from './pipeline.js'
import { specialToken, type TokenizerJson } from './tokenizerJson.js'

export interface EncodeOptions {
  /** Tokens kept, special ones included; the text is cut at its end and its special tokens stay. Default: no limit. */
  maxLength?: number
  /** Put the model's special tokens around the text: `[CLS] ... [SEP]` for BERT, `</s> ...` for OPT. Default true. */
  addSpecialTokens?: boolean
}

export interface EncodeBatchOptions extends EncodeOptions {
  /** `'longest'` of this batch, or a fixed number of tokens, which is then also the largest `maxLength`. */
  padTo: 'longest' | number
  /** Where padding goes. Default right; generation with OPT wants left. */
  padSide?: 'left' | 'right'
}

/** Token ids and mask (1 text, 0 padding), both row by row of shape [batch, length]. */
export interface EncodedBatch {
  ids: BigInt64Array
  mask: BigInt64Array
  shape: [batch: number, length: number]
}

export interface TokenizerOptions {
  /** Special tokens that get the ids after the last one: `['[DEC]']` makes bert-base-uncased the Q-Former's. */
  addTokens?: readonly string[]
}

/** Text to token ids and back, from a Hugging Face tokenizer.json (WordPiece, byte-level BPE, Unigram). */
export class Tokenizer {
  /** How many ids there are: the largest id and one. */
  readonly size: number
  readonly #pipeline: Pipeline
  /** The special tokens before and after every text. */
  readonly #prefix: readonly number[]
  readonly #suffix: readonly number[]
  readonly #paddingId: number | undefined

  /** @throws DataError where `json` is not a tokenizer.json that can be used. */
  static fromJson(json: TokenizerJson, options: TokenizerOptions = {}): Tokenizer {
    return new Tokenizer(json, options)
  }

  /** Reads a `tokenizer.json` (Node only). @throws DataError where the file is missing or broken. */
  static async fromFile(path: string, options: TokenizerOptions = {}): Promise<Tokenizer> {
    const { readFile } = await import('node:fs/promises')
    let json: TokenizerJson
    try {
      json = JSON.parse(await readFile(path, 'utf8')) as TokenizerJson
    } catch (cause) {
      throw new DataError(`Cannot read the tokenizer ${path}: ${String(cause)}. Expected a tokenizer.json file.`, {
        cause,
      })
    }
    return new Tokenizer(json, options)
  }

  private constructor(json: TokenizerJson, { addTokens = [] }: TokenizerOptions) {
    this.#pipeline = openPipeline(withTokens(json, addTokens))
    this.size = sizeOf(this.#pipeline)
    ;[this.#prefix, this.#suffix] = frameOf(this.#pipeline)
    this.#paddingId = this.#pipeline.token_to_id('[PAD]') ?? this.#pipeline.token_to_id('<pad>')
  }

  encode(text: string, { maxLength, addSpecialTokens = true }: EncodeOptions = {}): number[] {
    const [prefix, suffix] = addSpecialTokens ? [this.#prefix, this.#suffix] : [[], []]
    const { ids } = this.#pipeline.encode(text, { add_special_tokens: false })
    if (maxLength === undefined) return [...prefix, ...ids, ...suffix]
    const room = maxLength - prefix.length - suffix.length
    if (room < 0) throw new ConfigError(`maxLength is ${maxLength}, less than the special tokens of every text need.`)
    return [...prefix, ...ids.slice(0, room), ...suffix]
  }

  /** @throws ConfigError where `padTo` asks for padding and the tokenizer has no `[PAD]` or `<pad>`. */
  encodeBatch(texts: readonly string[], { padTo, padSide = 'right', ...options }: EncodeBatchOptions): EncodedBatch {
    const maxLength = typeof padTo === 'number' ? Math.min(padTo, options.maxLength ?? padTo) : options.maxLength
    const rows = texts.map((text) => this.encode(text, maxLength === undefined ? options : { ...options, maxLength }))
    const length = typeof padTo === 'number' ? padTo : Math.max(0, ...rows.map((row) => row.length))
    const ids = new BigInt64Array(rows.length * length)
    const mask = new BigInt64Array(rows.length * length)
    if (rows.some((row) => row.length < length)) ids.fill(BigInt(this.paddingId))
    rows.forEach((row, r) => {
      const start = r * length + (padSide === 'left' ? length - row.length : 0)
      row.forEach((id, i) => {
        ids[start + i] = BigInt(id)
      })
      mask.fill(1n, start, start + row.length)
    })
    return { ids, mask, shape: [rows.length, length] }
  }

  /**
   * Ids back to text. `skipSpecial` (default true) leaves out special tokens. An id beyond the vocabulary, which a
   * padded embedding table can produce, stands for no text.
   */
  decode(ids: Iterable<number | bigint>, { skipSpecial = true }: { skipSpecial?: boolean } = {}): string {
    const known = Array.from(ids, Number).filter((id) => id < this.size)
    if (known.length === 0) return ''
    return this.#pipeline.decode(known, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false })
  }

  /** The id of a token as it is written in the vocabulary. @throws ConfigError where there is no such token. */
  idOf(token: string): number {
    const id = this.#pipeline.token_to_id(token)
    if (id === undefined) throw new ConfigError(`The tokenizer has no token ${JSON.stringify(token)}.`)
    return id
  }

  get paddingId(): number {
    if (this.#paddingId === undefined) {
      throw new ConfigError(
        'The tokenizer has neither [PAD] nor <pad>, so texts of unequal length cannot be one batch.',
      )
    }
    return this.#paddingId
  }
}

/** Adds special tokens, which get the ids after the last one; those that are there already stay as they are. */
export function withTokens(json: TokenizerJson, all: readonly string[]): TokenizerJson {
  const tokens = all.filter((token) => !json.added_tokens.some(({ content }) => content === token))
  if (tokens.length === 0) return json
  const next = sizeOf(openPipeline(json))
  return { ...json, added_tokens: [...json.added_tokens, ...tokens.map((token, i) => specialToken(token, next + i))] }
}

function sizeOf(pipeline: Pipeline): number {
  let largest = -1
  for (const id of pipeline.get_vocab(true).values()) largest = Math.max(largest, id)
  return largest + 1
}

/** The special tokens before and after a text, seen by encoding one with and without them. */
function frameOf(pipeline: Pipeline): [prefix: number[], suffix: number[]] {
  const bare = pipeline.encode('a', { add_special_tokens: false }).ids
  const framed = pipeline.encode('a', { add_special_tokens: true }).ids
  for (let start = 0; start + bare.length <= framed.length; start++) {
    if (bare.every((id, i) => framed[start + i] === id))
      return [framed.slice(0, start), framed.slice(start + bare.length)]
  }
  throw new DataError(
    "The tokenizer's post-processor changes the text's own tokens; only added special tokens are supported.",
  )
}
