import { concat, type Graph, gather, matmul, reshape, type Tensor } from '../graph/index.js'
import { type OptConfig, opt, optEmbed, optEmbeddingWidth, optHead } from '../models/opt.js'
import type { KeyValue } from '../models/qformer.js'
import { OPT_MODEL } from '../models/blip2.js'
import { OPT_MASK } from '../nn/attention.js'
import { Scope } from '../nn/scope.js'
import { float32, int64, type Value } from '../runtime/index.js'
import { namedCache } from './keyValueCache.js'

/** Positions of a model of OPT start here: the table has two rows in front that no token uses. */
const POSITION_OFFSET = 2
/** The row of the position table that padding points to. */
const PADDING_POSITION = 1

/**
 * One graph for the prompt and for every token after it, so that weights which the runtime repacks are repacked once.
 * Inputs: 'prompt' [rows, soft, width] and 'ids' [rows, tokens], either of which may be empty; 'positions' [rows, soft +
 * tokens]; 'bias' [rows, 1, soft + tokens, past + soft + tokens], added to the scores; 'last' [rows, 1, soft + tokens], 1
 * at the token whose next one is asked for; 'parents' [rows], and the keys and values of the call before as 'past.NAME'
 * [previous, heads, past, size]. Outputs: 'logits' [rows, vocabulary], keys and values.
 */
export function drawPass(graph: Graph, config: OptConfig): Record<string, Tensor> {
  const p = new Scope(graph).in(OPT_MODEL)
  const prompt = graph.input('prompt', 'float32', ['rows', 'soft', optEmbeddingWidth(config)])
  const ids = graph.input('ids', 'int64', ['rows', 'tokens'])
  const parents = graph.input('parents', 'int64', ['rows'])
  const embeddings = concat([prompt, optEmbed(p, config, ids)], 1)
  const length = embeddings.size(1)
  const shape = ['previous', config.heads, 'past', config.width / config.heads]
  const past = (name: string) => gather(graph.input(`past.${name}`, 'float32', shape), 0, parents)
  const { output, cache } = opt(p, config, {
    embeddings,
    positions: graph.input('positions', 'int64', ['rows', length]),
    attentionBias: graph.input('bias', 'float32', ['rows', 1, length, `past+${length}`]),
    past: Array.from(
      { length: config.layers },
      (_, i): KeyValue => ({ key: past(`key.${i}`), value: past(`value.${i}`) }),
    ),
  })
  // A product with zeros and one 1 picks the row exactly.
  const last = matmul(graph.input('last', 'float32', ['rows', 1, length]), output)
  const logits = reshape(optHead(p, config, last), ['rows', config.vocabularySize])
  return { logits, ...namedCache(cache) }
}

/** What the pass over the prompts reads, keys and values aside. masks: for each row 1 for tokens and 0 for padding. */
export function promptFeeds(prompt: Value, ids: Value, masks: readonly (readonly number[])[]): Record<string, Value> {
  const rows = masks.length
  const length = masks[0]!.length
  const bias = new Float32Array(rows * length * length)
  const last = new Float32Array(rows * length)
  const positions: number[] = []
  masks.forEach((mask, row) => {
    let seen = 0
    for (const isText of mask) {
      seen += isText
      positions.push(isText ? seen - 1 + POSITION_OFFSET : PADDING_POSITION)
    }
    for (let query = 0; query < length; query++)
      for (let key = 0; key < length; key++)
        if (key > query || !mask[key]) bias[(row * length + query) * length + key] = OPT_MASK
    last[row * length + mask.lastIndexOf(1)] = 1
  })
  return {
    prompt,
    ids,
    parents: int64(
      [rows],
      Array.from({ length: rows }, (_, row) => row),
    ),
    positions: int64([rows, length], positions),
    bias: float32([rows, 1, length, length], bias),
    last: float32([rows, 1, length], last),
  }
}

/** The same for one more token of each row. pastBias: [rows, past], what hides the padding of its prompt. */
export function tokenFeeds(
  config: OptConfig,
  tokens: readonly number[],
  parents: readonly number[],
  positions: readonly number[],
  pastBias: Float32Array,
): Record<string, Value> {
  const rows = tokens.length
  const past = pastBias.length / rows
  const bias = new Float32Array(rows * (past + 1))
  for (let row = 0; row < rows; row++) bias.set(pastBias.subarray(row * past, (row + 1) * past), row * (past + 1))
  return {
    prompt: float32([rows, 0, optEmbeddingWidth(config)], new Float32Array()),
    ids: int64([rows, 1], tokens),
    parents: int64([rows], parents),
    positions: int64([rows, 1], positions),
    bias: float32([rows, 1, 1, past + 1], bias),
    last: float32([rows, 1, 1], new Float32Array(rows).fill(1)),
  }
}
