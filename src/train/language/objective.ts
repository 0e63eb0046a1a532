import type { Graph } from '../../graph/graph.js'
import { crossEntropyRows, mean, reshape, slice } from '../../graph/index.js'
import { type OptConfig, optDecode, optEmbed, optEmbeddingWidth, optHead } from '../../models/opt.js'
import { onesLike } from '../../nn/attention.js'
import { Scope } from '../../nn/scope.js'

/** The scope of a language model in BLIP-2's names. */
const LANGUAGE_MODEL = 'opt_model'

/**
 * Next-token prediction over packed blocks of text. Input: 'ids' int64 [batch, length]; every token but the first of a
 * block is predicted. -> loss []
 */
export function languageObjective(
  graph: Graph,
  config: OptConfig,
  { batch, length }: { batch: number; length: number },
) {
  const p = new Scope(graph)
  const model = p.in(LANGUAGE_MODEL)
  const ids = graph.input('ids', 'int64', [batch, length])
  const { output } = optDecode(model, config, optEmbed(model, config, ids), onesLike(graph, [batch, length]))
  const rows = reshape(slice(output, 1, 0, length - 1), [batch * (length - 1), optEmbeddingWidth(config)])
  const labels = reshape(slice(ids, 1, 1, length), [batch * (length - 1)])
  return { scope: p, loss: mean(crossEntropyRows(optHead(model, config, rows), labels)) }
}
