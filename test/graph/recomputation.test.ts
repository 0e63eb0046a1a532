import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as g from '../../src/graph/index.js'
import type { Node } from '../../src/graph/graph.js'
import { CompiledFunction, float32 } from '../../src/runtime/index.js'
import { randomArray } from './randomArray.js'

interface Sizes {
  readonly rows: number
  readonly width: number
  readonly inner: number
  readonly layers: number
}

/** Residual layers with a wide middle, each a segment, and the mean of their squares. */
function draw({ rows, width, inner, layers }: Sizes) {
  const graph = new g.Graph()
  const weights: g.Tensor[] = []
  const weight = (name: string, shape: number[]) => {
    weights.push(graph.parameter(name, shape))
    return weights.at(-1)!
  }
  let x = graph.input('x', 'float32', [rows, width])
  for (let layer = 0; layer < layers; layer++)
    x = graph.segment(() => {
      const wide = g.gelu(g.matmul(x, weight(`${layer}.in`, [width, inner])))
      return g.add(x, g.matmul(g.tanh(wide), weight(`${layer}.out`, [inner, width])))
    })
  return { graph, weights, loss: g.mean(g.mul(x, x), [0, 1]) }
}

function differentiated(sizes: Sizes, recompute: boolean) {
  const { graph, weights, loss } = draw(sizes)
  const forward = new Set(graph.nodes)
  const { segments } = graph
  const gradients = [...g.backward(loss, weights, { recompute }).values()].map(({ dense }, i): [string, g.Tensor] => [
    `gradient ${i}`,
    dense!,
  ])
  return { graph, weights, segments, forward, outputs: { loss, ...Object.fromEntries(gradients) } }
}

const SMALL = { rows: 3, width: 4, inner: 8, layers: 3 }

async function run(sizes: Sizes, recompute: boolean) {
  const { graph, weights, outputs } = differentiated(sizes, recompute)
  const compiled = await CompiledFunction.create<string>(graph, outputs)
  const feeds = Object.fromEntries(
    [...weights, graph.inputs.get('x')!].map(({ source, shape }, i) => {
      const { name } = source as { name: string }
      const sizes = shape as readonly number[]
      return [name, float32(sizes, Float32Array.from(randomArray(sizes, i, { from: -0.3, to: 0.3 }).data))]
    }),
  )
  const results = await compiled.run(feeds)
  await compiled.dispose()
  return results
}

/** Most memory of this process so far, in KiB. Its resource usage would begin with that of the process that started it. */
const peak = (): number =>
  process.platform === 'linux'
    ? Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
    : process.resourceUsage().maxRSS

describe('segments that are computed again', () => {
  it('give the same loss and gradients', async () => {
    const [expected, found] = [await run(SMALL, false), await run(SMALL, true)]
    expect(Object.keys(found)).toEqual(Object.keys(expected))
    for (const [name, { data }] of Object.entries(expected)) expect(found[name]!.data, name).toEqual(data)
  })

  it('leave no gradient that reads what lies inside a segment', () => {
    const { graph, segments, forward, outputs } = differentiated(SMALL, true)
    expect(segments).toHaveLength(SMALL.layers)
    const inside = new Set<Node>(segments.flatMap(({ first, end }) => graph.nodes.slice(first, end - 1)))
    const read = graph.nodes
      .filter((node) => !forward.has(node))
      .flatMap(({ inputs }) => inputs.map(({ source }) => (source.kind === 'node' ? source.node : undefined)))
    expect(read.filter((node) => node && inside.has(node))).toEqual([])
    expect(Object.keys(outputs)).toHaveLength(1 + 2 * SMALL.layers)
  })

  it('take less than half of the memory in the runtime', async () => {
    const large = { rows: 4096, width: 64, inner: 1024, layers: 12 }
    await run({ ...large, layers: 1 }, true)
    const before = peak()
    await run(large, true)
    const recomputed = peak() - before
    await run(large, false)
    const kept = peak() - before
    expect(kept).toBeGreaterThan(2 * recomputed)
  }, 30_000)
})
