import { describe, expect, it } from 'vitest'
import { Graph } from '../../src/graph/index.js'
import { type OptConfig, optDecode, optEmbed, optHead, optPositions } from '../../src/models/opt.js'
import { Scope } from '../../src/nn/scope.js'
import { interpret } from '../reference/interpret.js'
import type { NdArray } from '../reference/ndarray.js'
import { randomWeights } from './randomWeights.js'

const config: OptConfig = {
  vocabularySize: 11,
  width: 8,
  layers: 2,
  heads: 2,
  feedForward: 12,
  maxPositions: 6,
  layerNormEpsilon: 1e-5,
}
const TOKENS = 4

function draw() {
  const graph = new Graph()
  const p = new Scope(graph)
  const [ids, mask] = [graph.input('ids', 'int64', [1, TOKENS]), graph.input('mask', 'int64', [1, TOKENS])]
  const { output, hiddenStates } = optDecode(p, config, optEmbed(p, config, ids), mask)
  return { p, logits: optHead(p, config, output), hiddenStates }
}

const row = (...values: number[]): NdArray => ({ shape: [1, values.length], data: Float64Array.from(values) })

describe('OPT', () => {
  it('counts positions from the first real token, two rows down; padding has row 1', () => {
    const graph = new Graph()
    const positions = optPositions(graph.input('mask', 'int64', [1, 5]))
    const at = (...mask: number[]) => [...interpret([positions], { mask: row(...mask) })[0]!.data]
    expect(at(1, 1, 1, 1, 1)).toEqual([2, 3, 4, 5, 6])
    expect(at(0, 0, 1, 1, 1)).toEqual([1, 1, 2, 3, 4])
    expect(at(1, 1, 1, 0, 0)).toEqual([2, 3, 4, 1, 1])
  })

  it('has one table for embeddings and head, and two more positions than a text may have', () => {
    const { p, logits } = draw()
    expect(logits.shape).toEqual([1, TOKENS, 11])
    expect(
      [...p.specs.values()].filter(({ name }) => /embed|lm_head/.test(name)).map(({ name, shape }) => [name, shape]),
    ).toEqual([
      ['model.decoder.embed_tokens.weight', [11, 8]],
      ['model.decoder.embed_positions.weight', [8, 8]],
    ])
  })

  it('sees no token that comes later', () => {
    const { p, logits } = draw()
    const weights = randomWeights(p.specs)
    const run = (last: number) =>
      interpret([logits], { ...weights, ids: row(2, 5, 7, last), mask: row(1, 1, 1, 1) })[0]!
    const [a, b] = [run(1), run(9)]
    expect(a.data.subarray(0, 33)).toEqual(b.data.subarray(0, 33))
    expect(a.data.subarray(33)).not.toEqual(b.data.subarray(33))
  })

  it('gives the same with padding on the left as without', () => {
    const { p, logits } = draw()
    const weights = randomWeights(p.specs)
    const run = (ids: NdArray, mask: NdArray) => interpret([logits], { ...weights, ids, mask })[0]!.data
    const right = run(row(5, 7, 3, 0), row(1, 1, 1, 0)).subarray(0, 33)
    const left = run(row(0, 5, 7, 3), row(0, 1, 1, 1)).subarray(11)
    left.forEach((value, i) => {
      expect(value).toBeCloseTo(right[i]!, 10)
    })
  })

  it('gives the states of the embeddings, of the layers but the last, and of the final norm', () => {
    expect(draw().hiddenStates).toHaveLength(3)
  })

  it('has norms behind the residuals and narrower embeddings in its 350M size', () => {
    const graph = new Graph()
    const p = new Scope(graph)
    const small: OptConfig = { ...config, embeddingWidth: 6, postNorm: true }
    const [ids, mask] = [graph.input('ids', 'int64', [1, TOKENS]), graph.input('mask', 'int64', [1, TOKENS])]
    const { output, hiddenStates } = optDecode(p, small, optEmbed(p, small, ids), mask)
    expect(optHead(p, small, output).shape).toEqual([1, TOKENS, 11])
    expect(p.specs.get('model.decoder.project_in.weight')!.shape).toEqual([8, 6])
    expect(p.specs.get('model.decoder.project_out.weight')!.shape).toEqual([6, 8])
    expect([...p.specs.keys()].filter((name) => /project_.*bias|decoder\.final/.test(name))).toEqual([])
    // With norms that are not learned, what a layer gives is normalised.
    const weights = randomWeights(p.specs)
    for (const [name, { shape, data }] of Object.entries(weights))
      if (name.includes('layer_norm'))
        weights[name] = { shape, data: data.map(() => (name.endsWith('weight') ? 1 : 0)) }
    const [layer] = interpret([hiddenStates[1]!], { ...weights, ids: row(2, 5, 7, 1), mask: row(1, 1, 1, 1) })
    for (let token = 0; token < TOKENS; token++) {
      const values = layer!.data.subarray(8 * token, 8 * token + 8)
      const squares = values.reduce((total, value) => total + value * value, 0)
      expect(values.reduce((total, value) => total + value, 0)).toBeCloseTo(0, 8)
      expect(squares / 8).toBeCloseTo(1, 3)
    }
  })
})
