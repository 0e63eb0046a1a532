import { concat, type Graph, type Tensor } from '../graph/index.js'
import { T5_MODEL } from '../models/blip2.js'
import { bucketsOf, type T5Config, t5CrossKeyValues, t5Embed, t5Encode } from '../models/t5.js'
import { Scope } from '../nn/scope.js'
import { int64, type Value } from '../runtime/index.js'
import type { EncodedBatch } from '../text/tokenizer.js'
import { namedCache } from './keyValueCache.js'

/** In front of the names of the keys and values of the encoder's output. */
export const CROSS = 'cross.'

/**
 * T5's encoder over soft prompts and texts of any length. Where a step writes the first token too, no matrix is read by
 * both graphs but the table of embeddings, so that weights which the runtime repacks are repacked once. Inputs: 'prompt'
 * [rows, soft, width], 'ids' [rows, tokens], 'mask' [rows, soft + tokens], 'buckets' [soft + tokens, soft + tokens].
 * Outputs: what the decoder reads, as 'cross.NAME' [rows, heads, soft + tokens, size].
 */
export function drawT5Encoding(graph: Graph, config: T5Config): Record<string, Tensor> {
  const p = new Scope(graph).in(T5_MODEL)
  const prompt = graph.input('prompt', 'float32', ['rows', 'soft', config.width])
  const ids = graph.input('ids', 'int64', ['rows', 'tokens'])
  const embeddings = concat([prompt, t5Embed(p, config, ids)], 1)
  const length = embeddings.size(1)
  const mask = graph.input('mask', 'int64', ['rows', length])
  const buckets = graph.input('buckets', 'int64', [length, length])
  const { output } = t5Encode(p, config, embeddings, mask, buckets)
  return namedCache(t5CrossKeyValues(p, config, output), CROSS)
}

/** The inputs of that graph. mask: [rows, soft + tokens] */
export function encodingFeeds(
  config: T5Config,
  prompt: Value,
  { ids, shape }: EncodedBatch,
  mask: Value,
): Record<string, Value> {
  const length = mask.shape[1]!
  const buckets = int64([length, length], bucketsOf(config, 'encoder', length, length))
  return { prompt, ids: int64(shape, ids), mask, buckets }
}
