import { describe, expect, it } from 'vitest'
import { WeightsError } from '../../src/errors.js'
import { Graph } from '../../src/graph/index.js'
import { initializeFromBert } from '../../src/models/bertInitialization.js'
import { languageHead, type QFormerConfig, qformer, queryTokens } from '../../src/models/qformer.js'
import { Scope } from '../../src/nn/scope.js'

const config: QFormerConfig = {
  vocabularySize: 12,
  width: 8,
  layers: 2,
  heads: 2,
  feedForward: 16,
  maxPositions: 6,
  queries: 3,
  encoderWidth: 5,
  crossAttentionEvery: 2,
  layerNormEpsilon: 1e-12,
}

function qformerSpecs() {
  const p = new Scope(new Graph())
  const q = p.in('Qformer')
  const image = p.graph.input('image', 'float32', [1, 2, config.encoderWidth])
  const textIds = p.graph.input('ids', 'int64', [1, 2])
  const { output } = qformer(q, config, { queries: queryTokens(p, config, image), image, textIds })
  languageHead(q, config, output)
  return p.specs
}

/** BERT with a token less than the Q-Former, norms named as in the released file; every value tells where it is from. */
function bertWeights() {
  const weights = new Map<string, Float32Array>()
  let value = 1
  for (const { name, shape } of qformerSpecs().values()) {
    if (!name.startsWith('Qformer.') || /_query\.|crossattention/.test(name)) continue
    const [first, ...rest] = shape as [number, ...number[]]
    const entries = first === config.vocabularySize ? first - 1 : first
    const legacy = name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')
    const size = rest.reduce((product, length) => product * length, entries)
    weights.set(legacy.slice('Qformer.'.length), new Float32Array(size).fill(value++))
  }
  return weights
}

describe('a Q-Former from BERT', () => {
  const bert = bertWeights()
  const weights = initializeFromBert(bert, qformerSpecs(), () => 2)

  it('takes everything but cross-attention and queries', () => {
    const left = [...qformerSpecs().keys()].filter((name) => !weights.has(name))
    expect(left.length).toBeGreaterThan(0)
    expect(left.filter((name) => name !== 'query_tokens' && !name.includes('.crossattention.'))).toEqual([])
  })

  it('copies the feed-forward layers of the text for the queries', () => {
    const layer = 'Qformer.bert.encoder.layer.1'
    for (const part of ['intermediate', 'output']) {
      const text = weights.get(`${layer}.${part}.dense.weight`)!
      const query = weights.get(`${layer}.${part}_query.dense.weight`)!
      expect(text).toEqual(bert.get(`bert.encoder.layer.1.${part}.dense.weight`))
      expect(query).toEqual(text)
      expect(query).not.toBe(text)
    }
    expect(weights.get(`${layer}.output_query.LayerNorm.bias`)).toEqual(
      bert.get('bert.encoder.layer.1.output.LayerNorm.beta'),
    )
    // Not those of the attention, whose names are alike.
    expect(weights.get(`${layer}.attention.output.dense.weight`)).toEqual(
      bert.get('bert.encoder.layer.1.attention.output.dense.weight'),
    )
  })

  it('adds a random embedding for [DEC], with bias 0', () => {
    const words = weights.get('Qformer.bert.embeddings.word_embeddings.weight')!
    expect(words).toHaveLength(12 * 8)
    expect(words.subarray(0, 88)).toEqual(bert.get('bert.embeddings.word_embeddings.weight'))
    expect([...words.subarray(88)]).toEqual(new Array(8).fill(Math.fround(0.04)))
    expect(weights.get('Qformer.cls.predictions.bias')!.at(-1)).toBe(0)
  })

  it('lists what is missing or of another size', () => {
    const broken = new Map(bert)
    broken.delete('bert.encoder.layer.0.attention.self.query.weight')
    broken.set('bert.embeddings.position_embeddings.weight', new Float32Array(8))
    const attempt = () => initializeFromBert(broken, qformerSpecs(), () => 0)
    expect(attempt).toThrow(WeightsError)
    expect(attempt).toThrow(/layer\.0\.attention\.self\.query\.weight is missing/)
    expect(attempt).toThrow(/position_embeddings\.weight has 8 values, expected \[6, 8\]/)
  })
})
