import { concat, Graph, reshape, slice } from '../graph/index.js'
import { type OptConfig, optDecode, optEmbed, optHead } from '../models/opt.js'
import { onesLike } from '../nn/attention.js'
import { Scope } from '../nn/scope.js'
import { CompiledFunction, type CompileOptions, float32, int64, type Value } from '../runtime/index.js'
import type { Decoder } from './decoder.js'

/** A text so far: the row of its soft prompt and all tokens after that. */
interface Text {
  readonly row: number
  readonly ids: readonly number[]
}

/**
 * The obvious decoder: for each new token every text runs again from its start, without a cache and without padding,
 * among those of its own length only. It is what the cached one is checked against.
 * prompt: float32 [rows, queries, width]; texts: the tokens after each row's soft prompt
 */
export function naiveDecoder(
  config: OptConfig,
  options: CompileOptions,
  prompt: Value,
  texts: readonly (readonly number[])[],
): Decoder {
  let current = texts.map((ids, row): Text => ({ row, ids }))

  const logits = async (): Promise<Float32Array> => {
    const all = new Float32Array(current.length * config.vocabularySize)
    for (const length of new Set(current.map(({ ids }) => ids.length))) {
      const members = [...current.keys()].filter((i) => current[i]!.ids.length === length)
      const scores = await run(
        config,
        options,
        prompt,
        members.map((i) => current[i]!),
      )
      members.forEach((i, at) => {
        all.set(
          scores.subarray(at * config.vocabularySize, (at + 1) * config.vocabularySize),
          i * config.vocabularySize,
        )
      })
    }
    return all
  }

  return {
    vocabularySize: config.vocabularySize,
    start: logits,
    next: (parents, tokens) => {
      current = parents.map((parent, i) => ({ row: current[parent]!.row, ids: [...current[parent]!.ids, tokens[i]!] }))
      return logits()
    },
  }
}

/** texts: of one length -> scores of the next token, [texts, vocabulary] */
async function run(
  config: OptConfig,
  options: CompileOptions,
  prompt: Value,
  texts: readonly Text[],
): Promise<Float32Array> {
  const [, queries, width] = prompt.shape as [number, number, number]
  const shape = [texts.length, texts[0]!.ids.length] as const
  const length = queries + shape[1]
  const graph = new Graph()
  const p = new Scope(graph).in('opt_model')
  const soft = graph.input('prompt', 'float32', [shape[0], queries, width])
  const embeddings = concat([soft, optEmbed(p, config, graph.input('ids', 'int64', shape))], 1)
  const { output } = optDecode(p, config, embeddings, onesLike(graph, [shape[0], length]))
  const scores = reshape(optHead(p, config, slice(output, 1, length - 1, length)), [shape[0], config.vocabularySize])
  const compiled = await CompiledFunction.create(graph, { scores }, options)
  try {
    const found = await compiled.run({
      prompt: takeRows(
        prompt,
        texts.map(({ row }) => row),
      ),
      ids: int64(
        shape,
        texts.flatMap(({ ids }) => ids),
      ),
    })
    return found.scores.data as Float32Array
  } finally {
    await compiled.dispose()
  }
}

function takeRows({ shape, data }: Value, rows: readonly number[]): Value {
  const size = data.length / shape[0]!
  const taken = new Float32Array(rows.length * size)
  rows.forEach((row, i) => {
    taken.set((data as Float32Array).subarray(row * size, (row + 1) * size), i * size)
  })
  return float32([rows.length, ...shape.slice(1)], taken)
}
