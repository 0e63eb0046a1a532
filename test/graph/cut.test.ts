import { afterEach, expect, it } from 'vitest'
import { backward, cutAfter, gelu, Graph, linear, mean, mul, reshape, type Tensor } from '../../src/graph/index.js'
import { operationCount } from '../../src/graph/operationCount.js'
import { reachable } from '../../src/graph/verify.js'
import { CompiledFunction, float32, type Value } from '../../src/runtime/index.js'
import { randomArray } from './randomArray.js'

const opened: CompiledFunction[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.dispose()))
})

const SHAPES = { x: [2, 3, 4], w1: [5, 4], b1: [5], w2: [4, 5], b2: [4], late: [6, 4] } as const

/** Two layers, of which the second's output is wanted before 'late' is known; then a loss and its gradients. */
function drawn() {
  const graph = new Graph()
  const weight = (name: keyof typeof SHAPES) => graph.parameter(name, SHAPES[name])
  const hidden = gelu(linear(graph.input('x', 'float32', SHAPES.x), weight('w1'), weight('b1')))
  const vectors = linear(reshape(hidden, [6, 5]), weight('w2'), weight('b2'))
  const compared = mul(vectors, graph.input('late', 'float32', SHAPES.late))
  const loss = mean(mul(compared, compared))
  const weights = [weight('w1'), weight('w2')]
  const [w1, w2] = [...backward(loss, weights).values()].map(({ dense }) => dense!) as [Tensor, Tensor]
  return { graph, vectors, outputs: { loss, w1: w1, w2: w2 } }
}

async function run(graph: Graph, outputs: Readonly<Record<string, Tensor>>, feeds: Record<string, Value>) {
  const named = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`out ${name}`, tensor]))
  const compiled = await CompiledFunction.create(graph, named)
  opened.push(compiled)
  const found = await compiled.run(feeds)
  return Object.fromEntries(Object.keys(outputs).map((name) => [name, found[`out ${name}`]!]))
}

it('computes in two runs what the whole graph computes in one, bit by bit', async () => {
  const { graph, vectors, outputs } = drawn()
  const feeds = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape], i) => [
      name,
      float32(shape, Float32Array.from(randomArray(shape, i).data)),
    ]),
  )
  const whole = await run(graph, { ...outputs, vectors }, feeds)
  const cut = cutAfter([vectors], outputs)
  const { late, ...known } = feeds
  const first = await run(graph, { vectors, ...cut.held }, known)
  expect(first['vectors']).toEqual(whole['vectors'])
  const { vectors: _, ...held } = first
  const rest = await run(cut.graph, cut.outputs, { ...known, ...held, late: late! })
  for (const name of Object.keys(outputs)) expect(rest[name], name).toEqual(whole[name])
})

it('computes no product twice, and holds nothing that is not read again or cheap to compute', () => {
  const { vectors, outputs } = drawn()
  const cut = cutAfter([vectors], outputs)
  const rest = Object.values(cut.outputs)
  const all = [...Object.values(outputs), vectors]
  expect(operationCount([vectors]) + operationCount(rest)).toBe(operationCount(all))
  const read = reachable(rest).tensors
  expect([...cut.graph.inputs.values()].every((input) => read.has(input))).toBe(true)
  const held = Object.values(cut.held).map(({ shape }) => shape)
  // The vectors, and what gelu reads.
  expect(held.filter((shape) => shape.length === 2)).toEqual([[6, 4]])
  expect(held.filter((shape) => shape.length === 3)).toEqual([[2, 3, 5]])
})
