import { describe, expect, it } from 'vitest'
import { Graph } from '../../src/graph/index.js'
import { relativeBucket, type T5Config, t5Decode, t5Embed, t5Encode, t5Head } from '../../src/models/t5.js'
import { Scope } from '../../src/nn/scope.js'
import { interpret } from '../reference/interpret.js'
import type { NdArray } from '../reference/ndarray.js'
import { randomWeights } from './randomWeights.js'

const config: T5Config = {
  vocabularySize: 11,
  width: 6,
  encoderLayers: 2,
  decoderLayers: 2,
  heads: 2,
  headSize: 4,
  feedForward: 10,
  relativeBuckets: 8,
  relativeMaxDistance: 16,
  layerNormEpsilon: 1e-6,
  gelu: 'exact',
}
const [READ, WRITTEN] = [4, 3]

function draw() {
  const graph = new Graph()
  const p = new Scope(graph)
  const input = (name: string, tokens: number) => graph.input(name, 'int64', [1, tokens])
  const mask = input('mask', READ)
  const { output: encoded } = t5Encode(p, config, t5Embed(p, config, input('ids', READ)), mask)
  const decoded = t5Decode(p, config, {
    ids: input('written', WRITTEN),
    mask: input('writtenMask', WRITTEN),
    encoded,
    encodedMask: mask,
  })
  return { p, logits: t5Head(p, config, decoded.output) }
}

const row = (...values: number[]): NdArray => ({ shape: [1, values.length], data: Float64Array.from(values) })

function runWith(feeds: { ids: NdArray; mask: NdArray; written: NdArray }): Float64Array {
  const { p, logits } = draw()
  return interpret([logits], { ...randomWeights(p.specs), ...feeds, writtenMask: row(1, 1, 1) })[0]!.data
}

describe('T5', () => {
  it('shares its relative positions between layers and its embeddings between stacks, and has a head of its own', () => {
    const names = [...draw().p.specs.keys()]
    expect(names.filter((name) => name.includes('relative'))).toEqual([
      'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight',
      'decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight',
    ])
    expect(names.filter((name) => /shared|embed|lm_head/.test(name))).toEqual(['shared.weight', 'lm_head.weight'])
    expect(names.filter((name) => name.endsWith('.bias'))).toEqual([])
  })

  it('shows the encoder’s padding to nobody', () => {
    const run = (padding: number) =>
      runWith({ ids: row(3, 5, 7, padding), mask: row(1, 1, 1, 0), written: row(0, 4, 6) })
    expect(run(1)).toEqual(run(9))
  })

  it('sees no written token that comes later, and all that were read', () => {
    const run = (ids: NdArray, written: NdArray) => runWith({ ids, mask: row(1, 1, 1, 1), written })
    const first = run(row(3, 5, 7, 2), row(0, 4, 6))
    const other = run(row(3, 5, 7, 2), row(0, 4, 9))
    expect(other.subarray(0, 22)).toEqual(first.subarray(0, 22))
    expect(other.subarray(22)).not.toEqual(first.subarray(22))
    expect(run(row(3, 5, 7, 8), row(0, 4, 6)).subarray(0, 11)).not.toEqual(first.subarray(0, 11))
  })
})

describe('relative buckets', () => {
  it('tell directions apart in the encoder, and count back in the decoder', () => {
    const at = (stack: 'encoder' | 'decoder', ...distances: number[]) =>
      distances.map((distance) => relativeBucket(distance, config, stack))
    expect(at('encoder', -100, -2, -1, 0, 1, 2, 100)).toEqual([3, 2, 1, 0, 5, 6, 7])
    expect(at('decoder', 5, 1, 0, -1, -3, -4, -15, -100)).toEqual([0, 0, 0, 1, 3, 4, 7, 7])
  })
})
