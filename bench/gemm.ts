import { Graph, matmul } from '../src/graph/index.js'
import { CompiledFunction, float32 } from '../src/runtime/index.js'
import { medianSeconds, randomValues } from './measure.js'

const WEIGHTS = [
  [768, 768],
  [768, 3072],
  [2560, 10_240],
] as const
const ROWS = [1024, 2048] as const

/** The best rate of matrix products with constant, prepacked weights: the ceiling that other rates are held against. */
export async function gemmCeiling(runs: number): Promise<{ gflops: number; bySize: Record<string, number> }> {
  const bySize: Record<string, number> = {}
  for (const [inner, columns] of WEIGHTS)
    for (const rows of ROWS) {
      const graph = new Graph()
      const x = graph.input('x', 'float32', [rows, inner])
      const weight = graph.parameter('weight', [inner, columns])
      const values = randomValues(inner * columns, 0.05)
      const bytes = new Uint8Array(values.buffer)
      const product = await CompiledFunction.create(
        graph,
        { y: matmul(x, weight) },
        { weight: () => ({ kind: 'embedded', dtype: 'float32', bytes }) },
      )
      const feeds = { x: float32([rows, inner], randomValues(rows * inner, 1)) }
      const seconds = await medianSeconds(() => product.run(feeds), runs)
      await product.dispose()
      bySize[`${rows}x${inner}x${columns}`] = (2 * rows * inner * columns) / seconds / 1e9
    }
  return { gflops: Math.max(...Object.values(bySize)), bySize }
}
