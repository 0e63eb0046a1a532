import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { Graph, Tensor } from '../../src/graph/index.js'
import { compiledPackage, importCompiled } from '../setup/compiledPackage.js'

// The thread runs a compiled script, and errors keep their classes: so all of it is compiled.
const { ConfigError, DisposedError, DtypeError, RuntimeError, ShapeError } =
  await importCompiled<typeof import('../../src/errors.js')>('errors.js')
const g = await importCompiled<typeof import('../../src/graph/index.js')>('graph/index.js')
const { CompiledFunction, float32, int64, WorkerFunction } =
  await importCompiled<typeof import('../../src/runtime/index.js')>('runtime/index.js')

const open: { dispose(): Promise<void> }[] = []
afterEach(async () => {
  for (const opened of open.splice(0)) await opened.dispose()
})

async function start(draw: (graph: Graph) => Record<string, Tensor>) {
  const graph = new g.Graph()
  const created = await WorkerFunction.create(graph, draw(graph))
  open.push(created)
  return created
}

const double = () => start((graph) => ({ y: g.mul(graph.input('x', 'float32', ['n']), 2) }))
const floats = (...values: number[]) => float32([values.length], Float32Array.from(values))

const SIZE = 768
/** A few tenths of a second of products. */
const heavy = (graph: Graph) => {
  let x = graph.input('x', 'float32', [SIZE, SIZE])
  for (let i = 0; i < 30; i++) x = g.matmul(x, x)
  return { y: x }
}
const heavyFeeds = { x: float32([SIZE, SIZE], new Float32Array(SIZE * SIZE)) }

describe('a function in a worker thread', () => {
  it('runs as the same function does in this thread', async () => {
    const weight = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i))
    const graph = new g.Graph()
    const y = g.linear(graph.input('x', 'float32', ['batch', 4]), graph.parameter('weight', [3, 4]))
    const options = {
      weight: () => ({ kind: 'embedded', dtype: 'float32', bytes: new Uint8Array(weight.buffer) }) as const,
    }
    const [inline, remote] = [
      await CompiledFunction.create(graph, { y }, options),
      await WorkerFunction.create(graph, { y }, options),
    ]
    open.push(inline, remote)
    expect(remote.inputs).toEqual(inline.inputs)
    expect(remote.outputs).toEqual(inline.outputs)
    for (const batch of [1, 5]) {
      const x = float32(
        [batch, 4],
        Float32Array.from({ length: 4 * batch }, (_, i) => i),
      )
      expect(await remote.run({ x })).toEqual(await inline.run({ x }))
    }
  })

  it('leaves the feeds alone and gives results that are the caller’s to keep', async () => {
    const remote = await double()
    const memory = new Float32Array(1000).fill(3)
    const view = float32([2], memory.subarray(10, 12))
    const first = await remote.run({ x: view })
    const second = await remote.run({ x: floats(5, 6) })
    expect(memory).toHaveLength(1000)
    expect([...first['y']!.data]).toEqual([6, 6])
    expect([...second['y']!.data]).toEqual([10, 12])
    expect(first['y']!.data.buffer.byteLength).toBe(8)
  })

  it('queues runs', async () => {
    const remote = await double()
    const results = await Promise.all([1, 2, 3].map((value) => remote.run({ x: floats(value) })))
    expect(results.map(({ y }) => y!.data[0])).toEqual([2, 4, 6])
  })

  it('throws the same errors: class, code, message and place in the model', async () => {
    const remote = await start((graph) =>
      graph.scope('encoder', () => ({
        y: g.gather(graph.input('x', 'float32', [3]), 0, graph.input('indices', 'int64', [2])),
      })),
    )
    const x = floats(1, 2, 3)
    await expect(remote.run({ x })).rejects.toThrow(ShapeError)
    await expect(remote.run({ x })).rejects.toMatchObject({
      name: 'ShapeError',
      code: 'SHAPE',
      message: "input 'indices' must be int64[2], but nothing was given for it; all inputs: x, indices",
    })
    await expect(remote.run({ x, indices: floats(1, 2) })).rejects.toThrow(DtypeError)
    const failure = remote.run({ x, indices: int64([2], [0, 9]) })
    await expect(failure).rejects.toThrow(RuntimeError)
    await expect(failure).rejects.toThrow(/running a graph failed at encoder\/gather/)
    await expect(failure).rejects.toMatchObject({ code: 'RUNTIME', cause: expect.any(Error) })
    // It goes on after them.
    const { y } = await remote.run({ x, indices: int64([2], [0, 2]) })
    expect([...y!.data]).toEqual([1, 3])
  })

  it('rejects an aborted run at once with the signal’s reason, and its late result reaches nobody', async () => {
    const remote = await start(heavy)
    const length = await milliseconds(() => remote.run(heavyFeeds))
    const controller = new AbortController()
    const reason = new Error('the user left')
    const run = remote.run(heavyFeeds, { signal: controller.signal })
    const waiting = remote.run(heavyFeeds, { signal: controller.signal })
    await delay(20)
    const aborted = performance.now()
    controller.abort(reason)
    await expect(run).rejects.toBe(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(performance.now() - aborted).toBeLessThan(length / 2)
    await expect(remote.run(heavyFeeds, { signal: controller.signal })).rejects.toBe(reason)
    const { y } = await remote.run({ x: float32([SIZE, SIZE], new Float32Array(SIZE * SIZE)) })
    expect(y!.shape).toEqual([SIZE, SIZE])
  })

  it('rejects with an AbortError by default', async () => {
    const remote = await double()
    await expect(remote.run({ x: floats(1) }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
  })

  it('keeps the event loop free during a heavy run, which this thread does not', async () => {
    const graph = new g.Graph()
    const inline = await CompiledFunction.create(graph, heavy(graph))
    const remote = await start(heavy)
    open.push(inline)
    expect(await blockedShare(() => inline.run(heavyFeeds))).toBeGreaterThan(0.8)
    // The best of a few, since a busy machine stalls this thread as well.
    const shares: number[] = []
    for (let i = 0; i < 4; i++) shares.push(await blockedShare(() => remote.run(heavyFeeds)))
    expect(Math.min(...shares)).toBeLessThan(0.25)
  })

  it('refuses weights that would be fed', async () => {
    const graph = new g.Graph()
    const y = g.mul(graph.input('x', 'float32', [2]), graph.parameter('scale', [2]))
    const creation = WorkerFunction.create(graph, { y })
    await expect(creation).rejects.toThrow(ConfigError)
    await expect(creation).rejects.toThrow(/the weight 'scale' would be fed to another thread/)
  })

  it('gives the error of a graph that does not open', async () => {
    const graph = new g.Graph()
    const y = g.mul(graph.input('x', 'float32', [2]), graph.parameter('scale', [2]))
    const creation = WorkerFunction.create(
      graph,
      { y },
      { weight: () => ({ kind: 'embedded', dtype: 'float32', bytes: new Uint8Array(3) }) },
    )
    await expect(creation).rejects.toThrow(RuntimeError)
    await expect(creation).rejects.toThrow(/opening a graph failed/)
  })

  it('rejects the runs under way when it is disposed, and refuses others', async () => {
    const remote = await start(heavy)
    const run = remote.run(heavyFeeds)
    const waiting = remote.run(heavyFeeds)
    await delay(20)
    const disposal = remote.dispose()
    expect(remote.disposed).toBe(true)
    await expect(run).rejects.toThrow(DisposedError)
    await expect(waiting).rejects.toThrow(DisposedError)
    await disposal
    await remote.dispose()
    await expect(remote.run(heavyFeeds)).rejects.toThrow(DisposedError)
  })

  it.runIf(existsSync('/proc/self/task'))(
    'ends its thread when disposed, and does not keep the process when it is not',
    async () => {
      const script = `
      import { readdirSync } from 'node:fs'
      import { Graph, mul } from './dist/graph/index.js'
      import { float32, WorkerFunction } from './dist/runtime/index.js'
      const start = async () => {
        const graph = new Graph()
        const created = await WorkerFunction.create(graph, { y: mul(graph.input('x', 'float32', [1]), 2) })
        await created.run({ x: float32([1], Float32Array.of(21)) })
        return created
      }
      await (await start()).dispose()
      const before = readdirSync('/proc/self/task').length
      const created = await Promise.all([start(), start(), start()])
      const during = readdirSync('/proc/self/task').length
      for (const each of created) await each.dispose()
      const after = readdirSync('/proc/self/task').length
      const left = await start()
      const { y } = await left.run({ x: float32([1], Float32Array.of(21)) })
      console.log(JSON.stringify({ before, during, after, result: y.data[0] }))
    `
      const { stdout, stderr } = await promisify(execFile)('node', ['--input-type=module', '--eval', script], {
        cwd: await compiledPackage(),
        timeout: 20_000,
      })
      expect(stderr).toBe('')
      const { before, during, after, result } = JSON.parse(stdout)
      expect(result).toBe(42)
      expect(during).toBeGreaterThanOrEqual(before + 3)
      expect(after).toBe(before)
    },
  )
})

async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

/** The longest time for which the event loop stood still during a run, as a share of the run's length. */
async function blockedShare(run: () => Promise<unknown>): Promise<number> {
  await run()
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  monitor.enable()
  await delay(10)
  monitor.reset()
  // A delay counts from the tick before it: without one since the reset, the run would not be seen.
  await delay(10)
  const length = await milliseconds(run)
  await delay(5)
  monitor.disable()
  return monitor.max / 1e6 / length
}
