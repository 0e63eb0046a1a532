import { describe, expect, it } from 'vitest'
import { add, concat, gelu, Graph, slice } from '../../src/graph/index.js'
import { attend, mergeHeads, splitHeads } from '../../src/nn/attention.js'
import { layerNorm, linear } from '../../src/nn/layers.js'
import { Scope } from '../../src/nn/scope.js'
import { CompiledFunction, float32, type Value } from '../../src/runtime/index.js'
import { randomWeights } from '../models/randomWeights.js'
import { interpret } from '../reference/interpret.js'
import type { NdArray } from '../reference/ndarray.js'
import { randomArray } from './randomArray.js'

const [WIDTH, HEADS] = [8, 2]

/** One layer of a decoder over new tokens, with the keys of the tokens before them. */
function draw() {
  const graph = new Graph()
  const p = new Scope(graph)
  const x = graph.input('x', 'float32', ['batch', 'tokens', WIDTH])
  const past = graph.input('past', 'float32', ['batch', HEADS, 'past', WIDTH / HEADS])
  const heads = (name: string) => splitHeads(linear(p.in(name), x, WIDTH), HEADS)
  const key = concat([past, heads('key')], 2)
  const { output } = attend(heads('query'), key, concat([past, heads('value')], 2))
  const attended = layerNorm(p.in('norm'), add(x, linear(p.in('output'), mergeHeads(output), WIDTH)), 1e-5)
  const inner = gelu(linear(p.in('inner'), attended, 3 * WIDTH))
  return { graph, p, outputs: { key, y: linear(p.in('outer'), slice(inner, 2, 0, WIDTH), WIDTH, { bias: false }) } }
}

describe('one compiled graph with named sizes', () => {
  it('runs at any of them', async () => {
    const { graph, p, outputs } = draw()
    expect(outputs.key.shape).toEqual(['batch', HEADS, 'past+tokens', WIDTH / HEADS])
    const weights = randomWeights(p.specs)
    const compiled = await CompiledFunction.create(graph, outputs)
    for (const [batch, tokens, past] of [
      [1, 1, 4],
      [3, 5, 1],
      [2, 1, 7],
    ] as const) {
      const feeds: Record<string, NdArray> = {
        ...weights,
        x: randomArray([batch, tokens, WIDTH], tokens),
        past: randomArray([batch, HEADS, past, WIDTH / HEADS], past),
      }
      const [key, y] = interpret([outputs.key, outputs.y], feeds) as [NdArray, NdArray]
      const found = await compiled.run(
        Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, single(feed)])),
      )
      expectClose(found.key, key)
      expectClose(found.y, y)
    }
    await compiled.dispose()
  })
})

const single = ({ shape, data }: NdArray): Value => float32(shape, Float32Array.from(data))

function expectClose(found: Value, expected: NdArray): void {
  expect(found.shape).toEqual(expected.shape)
  expected.data.forEach((value, i) => {
    expect(Number(found.data[i])).toBeCloseTo(value, 4)
  })
}
