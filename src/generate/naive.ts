import { concat, type Graph, reshape, slice, type Tensor } from '../graph/index.js'
import { encodePrefix, type LanguageConfig, OPT_MODEL, T5_MODEL } from '../models/blip2.js'
import { type OptConfig, optDecode, optEmbed, optHead } from '../models/opt.js'
import { T5_START, type T5Config, t5Decode, t5Head } from '../models/t5.js'
import { onesLike } from '../nn/attention.js'
import { Scope } from '../nn/scope.js'
import { type CompileOptions, float32, int64, type Value } from '../runtime/index.js'
import { compileGraph } from './compileGraph.js'
import type { Decoder } from './decoder.js'

/** A text so far: the row of its soft prompt, the tokens it was given and those it got. */
interface Text {
  readonly row: number
  readonly given: readonly number[]
  readonly written: readonly number[]
}

/**
 * The obvious decoder: for each new token every text runs again from its start, without a cache and without padding,
 * among those of its own length only. It is what the cached ones are checked against.
 * prompt: float32 [rows, queries, width]; texts: the tokens after each row's soft prompt
 */
export function naiveDecoder(
  config: LanguageConfig,
  options: CompileOptions,
  prompt: Value,
  texts: readonly (readonly number[])[],
): Decoder {
  const { vocabularySize } = config
  let current = texts.map((given, row): Text => ({ row, given, written: [] }))

  const logits = async (): Promise<Float32Array> => {
    const all = new Float32Array(current.length * vocabularySize)
    for (const length of new Set(current.map(({ given }) => given.length))) {
      const members = [...current.keys()].filter((i) => current[i]!.given.length === length)
      const scores = await run(
        config,
        options,
        prompt,
        members.map((i) => current[i]!),
      )
      members.forEach((i, at) => {
        all.set(scores.subarray(at * vocabularySize, (at + 1) * vocabularySize), i * vocabularySize)
      })
    }
    return all
  }

  return {
    vocabularySize,
    start: logits,
    next: (parents, tokens) => {
      current = parents.map((parent, i) => {
        const text = current[parent]!
        return { ...text, written: [...text.written, tokens[i]!] }
      })
      return logits()
    },
  }
}

/** texts: of one length -> scores of the next token, [texts, vocabulary] */
async function run(
  config: LanguageConfig,
  options: CompileOptions,
  prompt: Value,
  texts: readonly Text[],
): Promise<Float32Array> {
  const rows = texts.length
  const soft = takeRows(
    prompt,
    texts.map(({ row }) => row),
  )
  const values: Readonly<Record<string, Value>> = config.kind === 't5' ? t5Inputs(texts) : optInputs(texts)
  const draw = (graph: Graph) => {
    const input = (name: string, { shape, dtype }: Value) => graph.input(name, dtype, shape)
    const tensors = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, input(name, value)]))
    const prompted = input('prompt', soft)
    const scores = config.kind === 't5' ? drawT5(config, prompted, tensors) : drawOpt(config, prompted, tensors)
    return { scores: reshape(scores, [rows, config.vocabularySize]) }
  }
  const compiled = await compileGraph(draw, options)
  try {
    const { scores } = await compiled.run({ prompt: soft, ...values })
    return scores!.data as Float32Array
  } finally {
    await compiled.dispose()
  }
}

type Inputs = Readonly<Record<string, Tensor>>

/** The text is what was given and what was written. */
const optInputs = (texts: readonly Text[]) => ({ ids: rowsOf(texts.map((text) => [...text.given, ...text.written])) })

function drawOpt(config: OptConfig, prompt: Tensor, { ids }: Inputs): Tensor {
  const { graph } = prompt
  const p = new Scope(graph).in(OPT_MODEL)
  const embeddings = concat([prompt, optEmbed(p, config, ids!)], 1)
  const { output } = optDecode(p, config, embeddings, onesLike(graph, embeddings.shape.slice(0, 2)))
  return optHead(p, config, last(output))
}

/** The encoder reads what was given, the decoder what was written. */
const t5Inputs = (texts: readonly Text[]) => ({
  given: rowsOf(texts.map(({ given }) => given)),
  ids: rowsOf(texts.map(({ written }) => [T5_START, ...written])),
})

function drawT5(config: T5Config, prompt: Tensor, { given, ids }: Inputs): Tensor {
  const { graph } = prompt
  const root = new Scope(graph)
  const prefix = encodePrefix(root, { language: config }, prompt, given!, onesLike(graph, given!.shape))
  const p = root.in(T5_MODEL)
  const mask = onesLike(graph, ids!.shape)
  const { output } = t5Decode(p, config, { ids: ids!, mask, encoded: prefix.encoded, encodedMask: prefix.mask })
  return t5Head(p, config, last(output))
}

/** x: [rows, tokens, width] -> [rows, 1, width] */
function last(x: Tensor): Tensor {
  const tokens = x.size(1) as number
  return slice(x, 1, tokens - 1, tokens)
}

const rowsOf = (texts: readonly (readonly number[])[]): Value => int64([texts.length, texts[0]!.length], texts.flat())

function takeRows({ shape, data }: Value, rows: readonly number[]): Value {
  const size = data.length / shape[0]!
  const taken = new Float32Array(rows.length * size)
  rows.forEach((row, i) => {
    taken.set((data as Float32Array).subarray(row * size, (row + 1) * size), i * size)
  })
  return float32([rows.length, ...shape.slice(1)], taken)
}
