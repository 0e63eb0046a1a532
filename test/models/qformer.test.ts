import { describe, expect, it } from 'vitest'
import { Graph } from '../../src/graph/index.js'
import {
  bidirectionalBias,
  imageKeyValues,
  languageHead,
  type QFormerConfig,
  qformer,
  queryTokens,
} from '../../src/models/qformer.js'
import { Scope } from '../../src/nn/scope.js'
import { randomArray } from '../graph/randomArray.js'
import { interpret } from '../reference/interpret.js'
import type { NdArray } from '../reference/ndarray.js'
import { randomWeights } from './randomWeights.js'

const config: QFormerConfig = {
  vocabularySize: 11,
  width: 8,
  layers: 3,
  heads: 2,
  feedForward: 12,
  maxPositions: 6,
  queries: 3,
  encoderWidth: 5,
  crossAttentionEvery: 2,
  layerNormEpsilon: 1e-12,
}
const [BATCH, TOKENS, PATCHES] = [2, 4, 3]
const ids: NdArray = { shape: [BATCH, TOKENS], data: Float64Array.of(1, 5, 3, 0, 1, 7, 2, 9) }
const mask: NdArray = { shape: [BATCH, TOKENS], data: Float64Array.of(1, 1, 1, 0, 1, 1, 1, 1) }
const image = randomArray([BATCH, PATCHES, config.encoderWidth], 99)

/** Queries and text over a picture, every token seeing each other. */
function draw() {
  const graph = new Graph()
  const p = new Scope(graph)
  const textIds = graph.input('ids', 'int64', [BATCH, TOKENS])
  const textMask = graph.input('mask', 'int64', [BATCH, TOKENS])
  const picture = graph.input('image', 'float32', [BATCH, PATCHES, config.encoderWidth])
  const queries = queryTokens(p, config, picture)
  const ones = graph.constant(new BigInt64Array(BATCH * config.queries).fill(1n), [BATCH, config.queries])
  const q = p.in('Qformer')
  const joint = qformer(q, config, {
    queries,
    textIds,
    image: picture,
    attentionBias: bidirectionalBias(textMask, ones),
  })
  const alone = qformer(q, config, { textIds, attentionBias: bidirectionalBias(textMask) })
  const pictured = qformer(q, config, { queries, image: picture })
  return { graph, p, q, joint, alone, pictured }
}

describe('the Q-Former', () => {
  it('has cross-attention in every second layer, and feed-forward weights for queries and for text', () => {
    const { p, joint } = draw()
    const names = [...p.specs.keys()]
    const layersWith = (part: string) =>
      [0, 1, 2].filter((i) => names.some((name) => name.startsWith(`Qformer.bert.encoder.layer.${i}.${part}.`)))
    expect(layersWith('crossattention')).toEqual([0, 2])
    expect([...joint.crossAttention.keys()]).toEqual([0, 2])
    for (const part of ['intermediate', 'intermediate_query', 'output', 'output_query'])
      expect(layersWith(part)).toEqual([0, 1, 2])
    expect(p.specs.get('Qformer.bert.encoder.layer.0.crossattention.self.key.weight')!.shape).toEqual([8, 5])
    expect(p.specs.get('query_tokens')!.shape).toEqual([1, 3, 8])
  })

  it('gives a state for the embeddings and for each layer, with the queries in front', () => {
    const { joint, alone, pictured } = draw()
    expect(joint.hiddenStates.map(({ shape }) => shape)).toEqual(new Array(4).fill([BATCH, 7, 8]))
    expect(alone.output.shape).toEqual([BATCH, TOKENS, 8])
    expect(pictured.output.shape).toEqual([BATCH, 3, 8])
    expect(joint.cache[0]!.key.shape).toEqual([BATCH, 2, 7, 4])
  })

  it('shows padding to nobody', () => {
    const { p, joint, alone } = draw()
    const weights = randomWeights(p.specs)
    const outputsFor = (padding: number) => {
      const data = ids.data.slice()
      data[3] = padding
      const [together, text] = interpret([joint.output, alone.output], {
        ...weights,
        ids: { ...ids, data },
        mask,
        image,
      })
      // All but the padded token itself, the last of the first row.
      const rows = (x: NdArray, tokens: number) => [
        ...x.data.subarray(0, (tokens - 1) * 8),
        ...x.data.subarray(tokens * 8),
      ]
      return [rows(together!, 7), rows(text!, 4)]
    }
    expect(outputsFor(10)).toEqual(outputsFor(4))
  })

  it('lets the text see the picture through the queries only', () => {
    const { p, joint, alone } = draw()
    const weights = randomWeights(p.specs)
    const run = (picture: NdArray) => interpret([joint.output, alone.output], { ...weights, ids, mask, image: picture })
    const [jointA, aloneA] = run(image)
    const [jointB, aloneB] = run(randomArray(image.shape, 100))
    expect(jointA).not.toEqual(jointB)
    expect(aloneA).toEqual(aloneB)
  })

  it('reads a picture once for several texts about it, as if it were there for each', () => {
    const graph = new Graph()
    const p = new Scope(graph)
    const textIds = graph.input('ids', 'int64', [2 * BATCH, TOKENS])
    const queries = queryTokens(p, config, textIds)
    const q = p.in('Qformer')
    const of = (pictures: number, name: string) => {
      const picture = graph.input(name, 'float32', [pictures, PATCHES, config.encoderWidth])
      return qformer(q, config, { queries, textIds, imageCache: imageKeyValues(q, config, picture) }).output
    }
    const size = PATCHES * config.encoderWidth
    const rows = [0, 0, 1, 1].flatMap((row) => [...image.data.subarray(row * size, (row + 1) * size)])
    const [once, each] = interpret([of(BATCH, 'image'), of(2 * BATCH, 'repeated')], {
      ...randomWeights(p.specs),
      ids: { shape: [2 * BATCH, TOKENS], data: Float64Array.from({ length: 2 * BATCH * TOKENS }, (_, i) => i % 9) },
      image,
      repeated: { shape: [2 * BATCH, PATCHES, config.encoderWidth], data: Float64Array.from(rows) },
    })
    expect(once!.data).toEqual(each!.data)
  })

  it('ties its language head to the word embeddings', () => {
    const { p, q, alone } = draw()
    const logits = languageHead(q, config, alone.output)
    expect(logits.shape).toEqual([BATCH, TOKENS, config.vocabularySize])
    expect([...p.specs.keys()].filter((name) => /word_embeddings|decoder/.test(name))).toEqual([
      'Qformer.bert.embeddings.word_embeddings.weight',
    ])
  })
})
