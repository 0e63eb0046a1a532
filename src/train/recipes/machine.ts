import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import { Graph, matmul } from '../../graph/index.js'
import { CompiledFunction, zeros } from '../../runtime/index.js'

/** What a training has to fit into. */
export interface Machine {
  /** Bytes. */
  readonly memory: number
  readonly freeDisk: number
  /** Floating-point operations a second, of large matrix products. */
  readonly rate: number
}

/** Looks at this machine; the rate is measured, which takes about a second. @param path Where files would be written. */
export async function thisMachine(path: string): Promise<Machine> {
  return { memory: totalmem(), freeDisk: await freeDisk(resolve(path)), rate: await productRate() }
}

/** Of the nearest folder that exists. */
async function freeDisk(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return freeDisk(dirname(path))
  }
}

const SIDE = 1024
const RUNS = 5

async function productRate(): Promise<number> {
  const graph = new Graph()
  const [x, y] = ['x', 'y'].map((name) => graph.input(name, 'float32', [SIDE, SIDE]))
  const product = await CompiledFunction.create(graph, { product: matmul(x!, y!) })
  const feeds = { x: zeros('float32', [SIDE, SIDE]), y: zeros('float32', [SIDE, SIDE]) }
  let fastest = Number.POSITIVE_INFINITY
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now()
    await product.run(feeds)
    fastest = Math.min(fastest, (performance.now() - start) / 1000)
  }
  await product.dispose()
  return (2 * SIDE ** 3) / fastest
}
