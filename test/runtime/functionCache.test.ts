import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DisposedError, RuntimeError } from '../../src/errors.js'
import { Graph, matmul, mul } from '../../src/graph/index.js'
import { CompiledFunction, float32, FunctionCache } from '../../src/runtime/index.js'

function compile(size: number): Promise<CompiledFunction> {
  const graph = new Graph()
  return CompiledFunction.create(graph, { y: mul(graph.input('x', 'float32', [size]), 2) })
}

const fail = async (): Promise<CompiledFunction> => {
  throw new RuntimeError('no such operator')
}

describe('a function cache', () => {
  const unhandled: unknown[] = []
  const remember = (reason: unknown) => unhandled.push(reason)
  beforeEach(() => {
    unhandled.length = 0
    process.on('unhandledRejection', remember)
  })
  afterEach(async () => {
    // Unhandled rejections are reported after the microtasks.
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', remember)
    expect(unhandled).toEqual([])
  })

  it('compiles once for a key, also for callers that come at the same time', async () => {
    const cache = new FunctionCache()
    let compilations = 0
    const get = () =>
      cache.get('3', () => {
        compilations++
        return compile(3)
      })
    const [first, second] = await Promise.all([get(), get()])
    expect(second).toBe(first)
    expect(await get()).toBe(first)
    expect(compilations).toBe(1)
    await cache.dispose()
  })

  it('disposes the least recently used one beyond its limit', async () => {
    const cache = new FunctionCache(2)
    const get = (size: number) => cache.get(String(size), () => compile(size))
    const [one, two] = [await get(1), await get(2)]
    await get(1)
    const three = await get(3)
    expect([one, two, three].map(({ disposed }) => disposed)).toEqual([false, true, false])
    const again = await get(2)
    expect(again).not.toBe(two)
    const { y } = await again.run({ x: float32([2], Float32Array.of(1, 2)) })
    expect([...y!.data]).toEqual([2, 4])
    await cache.dispose()
  })

  it('gives a failure to everyone who waits, and compiles again for who comes later', async () => {
    const cache = new FunctionCache()
    const attempts = [cache.get('3', fail), cache.get('3', fail)]
    for (const attempt of attempts) await expect(attempt).rejects.toThrow('no such operator')
    expect(await cache.get('3', () => compile(3))).toBeInstanceOf(CompiledFunction)
    await cache.dispose()
  })

  it('does not trouble other keys with a failure that is evicted', async () => {
    const cache = new FunctionCache(1)
    const broken = cache.get('broken', fail)
    const whole = cache.get('3', () => compile(3))
    await expect(broken).rejects.toThrow('no such operator')
    expect((await whole).disposed).toBe(false)
    await cache.dispose()
  })

  it('keeps a later attempt when an earlier one that was evicted fails', async () => {
    const cache = new FunctionCache(1)
    let failNow = () => {}
    const slow = () =>
      new Promise<CompiledFunction>((_, reject) => {
        failNow = () => reject(new RuntimeError('too late'))
      })
    const evicted = cache.get('a', slow)
    const other = cache.get('b', () => compile(2))
    const later = cache.get('a', () => compile(3))
    failNow()
    await expect(evicted).rejects.toThrow('too late')
    await other
    expect(await cache.get('a', fail)).toBe(await later)
    await cache.dispose()
    expect((await later).disposed).toBe(true)
  })

  it('disposes everything with itself, what is being compiled too, and refuses to give more', async () => {
    const cache = new FunctionCache()
    const done = await cache.get('1', () => compile(1))
    const underWay = cache.get('2', () => compile(2))
    const broken = cache.get('broken', fail)
    await Promise.all([cache.dispose(), expect(broken).rejects.toThrow('no such operator')])
    expect(done.disposed).toBe(true)
    expect((await underWay).disposed).toBe(true)
    await expect(cache.get('1', () => compile(1))).rejects.toThrow(DisposedError)
  })

  it('leaks no memory over 200 functions', async () => {
    const cache = new FunctionCache(2)
    let next = 0
    const grow = async (count: number) => {
      for (let i = 0; i < count; i++) {
        // 1 MB of weights each, repacked to another.
        const compiled = await cache.get(String(next++), () => compileProduct(512))
        await compiled.run({ x: float32([4, 512], new Float32Array(4 * 512)) })
      }
      return process.memoryUsage().rss
    }
    await grow(30)
    const before = process.memoryUsage().rss
    const after = await grow(200)
    await cache.dispose()
    // Leaking either copy would be 200 MB; the allocator's own fluctuations are far below.
    expect((after - before) / 2 ** 20).toBeLessThan(60)
  })
})

function compileProduct(size: number): Promise<CompiledFunction> {
  const graph = new Graph()
  const product = matmul(graph.input('x', 'float32', [4, size]), graph.parameter('weight', [size, size]))
  const bytes = new Uint8Array(new Float32Array(size * size).fill(1).buffer)
  return CompiledFunction.create(
    graph,
    { y: product },
    { weight: () => ({ kind: 'embedded', dtype: 'float32', bytes }) },
  )
}
