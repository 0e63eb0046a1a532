import { concat, Graph, reshape, slice } from '../graph/index.js'
import { type OptConfig, optDecode, optEmbed, optHead } from '../models/opt.js'
import { onesLike } from '../nn/attention.js'
import { Scope } from '../nn/scope.js'
import { CompiledFunction, type CompileOptions, int64, type Value } from '../runtime/index.js'
import type { Decoder } from './decoder.js'

/**
 * The obvious decoder: the whole text runs again for each new token, without a cache. It is what the cached one is
 * checked against.
 * prompt: float32 [rows, queries, width]; ids: the tokens after it
 */
export function naiveDecoder(
  config: OptConfig,
  options: CompileOptions,
  prompt: Value,
  ids: readonly number[],
): Decoder {
  const [rows, queries, width] = prompt.shape as [number, number, number]
  let texts = Array.from({ length: rows }, (_, row) => ({ row, ids: [...ids] }))

  const logits = async (): Promise<Float32Array> => {
    const shape = [texts.length, texts[0]!.ids.length] as const
    const graph = new Graph()
    const p = new Scope(graph).in('opt_model')
    const soft = graph.input('prompt', 'float32', [shape[0], queries, width])
    const embeddings = concat([soft, optEmbed(p, config, graph.input('ids', 'int64', shape))], 1)
    const length = queries + shape[1]
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
          texts.flatMap((text) => text.ids),
        ),
      })
      return found.scores.data as Float32Array
    } finally {
      await compiled.dispose()
    }
  }

  return {
    vocabularySize: config.vocabularySize,
    start: logits,
    next: (parents, tokens) => {
      texts = parents.map((parent, i) => ({ row: texts[parent]!.row, ids: [...texts[parent]!.ids, tokens[i]!] }))
      return logits()
    },
  }
}

function takeRows({ shape, data }: Value, rows: readonly number[]): Value {
  const size = data.length / shape[0]!
  const taken = new Float32Array(rows.length * size)
  rows.forEach((row, i) => {
    taken.set((data as Float32Array).subarray(row * size, (row + 1) * size), i * size)
  })
  return { dtype: 'float32', shape: [rows.length, ...shape.slice(1)], data: taken }
}
