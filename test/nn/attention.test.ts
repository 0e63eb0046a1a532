import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../src/errors.js'
import { Graph, mul } from '../../src/graph/index.js'
import {
  attend,
  BERT_MASK,
  causalBias,
  mergeHeads,
  OPT_MASK,
  onesLike,
  paddingBias,
  splitHeads,
} from '../../src/nn/attention.js'
import { randomArray } from '../graph/randomArray.js'
import { interpret } from '../reference/interpret.js'
import { at, type NdArray, tabulate } from '../reference/ndarray.js'

const [BATCH, HEADS, TOKENS, SIZE] = [2, 3, 4, 5]

describe('heads', () => {
  it('are consecutive parts of the width, and come together again', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [BATCH, TOKENS, HEADS * SIZE])
    const apart = splitHeads(x, HEADS)
    const value = randomArray([BATCH, TOKENS, HEADS * SIZE], 1)
    const [heads, merged] = interpret([apart, mergeHeads(apart)], { x: value }) as [NdArray, NdArray]
    expect(heads).toEqual(tabulate([BATCH, HEADS, TOKENS, SIZE], ([b, h, t, i]) => at(value, [b!, t!, h! * SIZE + i!])))
    expect(merged).toEqual(value)
  })

  it('must divide the width', () => {
    const x = new Graph().input('x', 'float32', [1, 2, 10])
    expect(() => splitHeads(x, 4)).toThrow(ShapeError)
  })
})

describe('attend', () => {
  const shape = [BATCH, HEADS, TOKENS, SIZE]
  const feeds = {
    query: randomArray(shape, 1),
    key: randomArray(shape, 2),
    value: randomArray(shape, 3),
    bias: randomArray([BATCH, 1, 1, TOKENS], 4),
  }
  const draw = () => {
    const graph = new Graph()
    const [query, key, value] = ['query', 'key', 'value'].map((name) => graph.input(name, 'float32', shape))
    return { query: query!, key: key!, value: value!, bias: graph.input('bias', 'float32', [BATCH, 1, 1, TOKENS]) }
  }

  it('weighs the values by the softmax of the scaled and biased scores', () => {
    const { query, key, value, bias } = draw()
    const { output, probabilities } = attend(query, key, value, bias)
    const [found, weights] = interpret([output, probabilities], feeds) as [NdArray, NdArray]
    const row = (b: number, h: number, q: number) => {
      const scores = Array.from({ length: TOKENS }, (_, k) => {
        let score = 0
        for (let i = 0; i < SIZE; i++) score += at(feeds.query, [b, h, q, i]) * at(feeds.key, [b, h, k, i])
        return Math.exp(score / Math.sqrt(SIZE) + at(feeds.bias, [b, 0, 0, k]))
      })
      const total = scores.reduce((sum, score) => sum + score, 0)
      return scores.map((score) => score / total)
    }
    for (const [b, h, q] of [
      [0, 0, 0],
      [1, 2, 3],
    ] as const) {
      row(b, h, q).forEach((weight, k) => {
        expect(at(weights, [b, h, q, k])).toBeCloseTo(weight, 12)
      })
      const expected = row(b, h, q).reduce((sum, weight, k) => sum + weight * at(feeds.value, [b, h, k, 1]), 0)
      expect(at(found, [b, h, q, 1])).toBeCloseTo(expected, 12)
    }
  })

  it('drops probabilities, after they were read out', () => {
    const { query, key, value } = draw()
    const { output, probabilities } = attend(query, key, value, undefined, (x) => mul(x, 0))
    const [found, weights] = interpret([output, probabilities], feeds) as [NdArray, NdArray]
    expect(found.data.every((element) => element === 0)).toBe(true)
    expect(weights.data.every((element) => element > 0)).toBe(true)
  })
})

describe('score biases', () => {
  // Row 0: one padding on the left; row 1: two on the right.
  const mask: NdArray = { shape: [2, 4], data: Float64Array.of(0, 1, 1, 1, 1, 1, 0, 0) }

  it('hide padding', () => {
    const graph = new Graph()
    const bias = paddingBias(graph.input('mask', 'int64', [2, 4]), BERT_MASK)
    const [found] = interpret([bias], { mask })
    expect(found!.shape).toEqual([2, 1, 1, 4])
    expect([...found!.data].map((value) => value === 0)).toEqual([...mask.data].map((real) => real === 1))
    expect(Math.min(...found!.data)).toBe(BERT_MASK)
  })

  it('let a causal decoder see real tokens up to itself', () => {
    const graph = new Graph()
    const bias = causalBias(graph.input('mask', 'int64', [2, 4]), OPT_MASK)
    const [found] = interpret([bias], { mask })
    expect(found!.shape).toEqual([2, 1, 4, 4])
    const visible = (batch: number) =>
      [0, 1, 2, 3].map((row) =>
        [0, 1, 2, 3].map((key) => (at(found!, [batch, 0, row, key]) === 0 ? 'x' : '.')).join(''),
      )
    expect(visible(0)).toEqual(['....', '.x..', '.xx.', '.xxx'])
    expect(visible(1)).toEqual(['x...', 'xx..', 'xx..', 'xx..'])
    expect(Math.min(...found!.data)).toBeCloseTo(OPT_MASK, -30)
  })

  it('can have tokens in front that are always visible', () => {
    const [ones] = interpret([onesLike(new Graph(), [2, 3])], {})
    expect(ones).toEqual({ shape: [2, 3], data: new Float64Array(6).fill(1) })
  })
})
