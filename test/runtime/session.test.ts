import { afterEach, describe, expect, it } from 'vitest'
import { DisposedError, DtypeError, RuntimeError, ShapeError } from '../../src/errors.js'
import * as g from '../../src/graph/index.js'
import { CompiledFunction, type CompileOptions, float32, int64, type Value } from '../../src/runtime/index.js'

const open: CompiledFunction[] = []
afterEach(async () => {
  for (const compiled of open.splice(0)) await compiled.dispose()
})

async function compile(
  draw: (graph: g.Graph) => Record<string, g.Tensor>,
  options?: CompileOptions,
): Promise<CompiledFunction> {
  const graph = new g.Graph()
  const compiled = await CompiledFunction.create(graph, draw(graph), options)
  open.push(compiled)
  return compiled
}

const floats = (...values: number[]): Value => float32([values.length], Float32Array.from(values))

const double = () => compile((graph) => ({ y: g.mul(graph.input('x', 'float32', [3]), 2) }))

describe('a compiled function', () => {
  it('knows its inputs and outputs', async () => {
    const compiled = await compile((graph) => {
      const x = graph.input('x', 'float32', ['batch', 3])
      graph.input('unused', 'int64', [2])
      return { total: g.sum(x, [0]), largest: g.argmax(x) }
    })
    expect([...compiled.inputs]).toEqual([['x', { dtype: 'float32', shape: ['batch', 3] }]])
    expect([...compiled.outputs]).toEqual([
      ['total', { dtype: 'float32', shape: [3] }],
      ['largest', { dtype: 'int64', shape: ['batch'] }],
    ])
  })

  it('writes outputs to the same arrays at every run', async () => {
    const compiled = await double()
    const first = await compiled.run({ x: floats(1, 2, 3) })
    const second = await compiled.run({ x: floats(4, 5, 6) })
    expect(second['y']!.data).toBe(first['y']!.data)
    expect([...first['y']!.data]).toEqual([8, 10, 12])
  })

  it('does not write to an output of the last run that is fed to this one', async () => {
    const compiled = await double()
    const first = await compiled.run({ x: floats(1, 2, 3) })
    const second = await compiled.run({ x: first['y']! })
    expect([...first['y']!.data]).toEqual([2, 4, 6])
    expect([...second['y']!.data]).toEqual([4, 8, 12])
  })

  it('writes in place to the arrays it is given', async () => {
    const compiled = await compile((graph) => {
      const x = graph.input('x', 'float32', [3])
      return { y: g.mul(x, 2), z: g.add(x, 1) }
    })
    const memory = new Float32Array(8)
    const results = await compiled.run({ x: floats(1, 2, 3) }, { y: memory.subarray(2, 5) })
    expect([...memory]).toEqual([0, 0, 2, 4, 6, 0, 0, 0])
    expect([...results['z']!.data]).toEqual([2, 3, 4])
  })

  it('refuses an array that an output does not fit into', async () => {
    const compiled = await double()
    const run = (into: Record<string, Float32Array | BigInt64Array>) => compiled.run({ x: floats(1, 2, 3) }, into)
    await expect(run({ y: new Float32Array(4) })).rejects.toThrow(/output 'y' must hold 3 values, it holds 4/)
    await expect(run({ y: new BigInt64Array(3) })).rejects.toThrow(/'y' is float32, which does not go into a BigInt64/)
    await expect(run({ typo: new Float32Array(3) })).rejects.toThrow(/'typo', which is not an output; there are y/)
  })

  it('says which input is missing or does not fit, what was expected and what came', async () => {
    const compiled = await compile((graph) => ({
      y: g.add(graph.input('a', 'float32', ['batch', 2]), graph.input('b', 'float32', ['batch', 2])),
    }))
    const [two, three] = [2, 3].map((rows) => float32([rows, 2], new Float32Array(2 * rows))) as [Value, Value]
    const run = (feeds: Record<string, Value>) => compiled.run(feeds)
    await expect(run({ a: two })).rejects.toThrow(ShapeError)
    await expect(run({ a: two })).rejects.toThrow(
      /input 'b' must be float32\[batch, 2\], but nothing was given for it; all inputs: a, b/,
    )
    await expect(run({ a: int64([2, 2], [1, 2, 3, 4]), b: two })).rejects.toThrow(DtypeError)
    await expect(run({ a: int64([2, 2], [1, 2, 3, 4]), b: two })).rejects.toThrow(
      /input 'a' must be float32\[batch, 2\], got int64/,
    )
    await expect(run({ a: floats(1, 2), b: two })).rejects.toThrow(/got \[2\]/)
    // The same name must have the same size everywhere.
    await expect(run({ a: two, b: three })).rejects.toThrow(/input 'b' must be float32\[batch, 2\], got \[3, 2\]/)
  })

  it('binds named sizes at each run', async () => {
    const compiled = await compile((graph) => {
      const [past, fresh] = [
        graph.input('past', 'float32', ['batch', 'past', 2]),
        graph.input('fresh', 'float32', ['batch', 'new', 2]),
      ]
      return { all: g.concat([past, fresh], 1) }
    })
    for (const [batch, past, fresh] of [
      [1, 3, 1],
      [2, 4, 2],
      [2, 0, 3],
    ] as const) {
      const make = (tokens: number) => float32([batch, tokens, 2], new Float32Array(batch * tokens * 2).fill(tokens))
      const { all } = await compiled.run({ past: make(past), fresh: make(fresh) })
      expect(all!.shape).toEqual([batch, past + fresh, 2])
      expect([...all!.data.slice(0, 2 * (past + fresh))].map(Number)).toEqual([
        ...new Array(2 * past).fill(past),
        ...new Array(2 * fresh).fill(fresh),
      ])
    }
  })

  it('says where in the model a run fails', async () => {
    const compiled = await compile((graph) =>
      graph.scope('encoder.layer.3', () => ({
        y: g.gather(graph.input('x', 'float32', [3]), 0, graph.input('indices', 'int64', [2])),
      })),
    )
    const run = compiled.run({ x: floats(1, 2, 3), indices: int64([2], [0, 7]) })
    await expect(run).rejects.toThrow(RuntimeError)
    await expect(run).rejects.toThrow(/running a graph failed at encoder\.layer\.3\/gather: /)
    // It stands the failure.
    const { y } = await compiled.run({ x: floats(1, 2, 3), indices: int64([2], [0, 2]) })
    expect([...y!.data]).toEqual([1, 3])
  })

  it('refuses a run while it runs', async () => {
    const compiled = await double()
    const first = compiled.run({ x: floats(1, 2, 3) })
    await expect(compiled.run({ x: floats(4, 5, 6) })).rejects.toThrow(/this function is running/)
    expect([...(await first)['y']!.data]).toEqual([2, 4, 6])
  })

  it('refuses runs once it is disposed, lets the one under way end, and is disposed only once', async () => {
    const compiled = await double()
    const running = compiled.run({ x: floats(1, 2, 3) })
    const disposal = compiled.dispose()
    expect(compiled.disposed).toBe(true)
    expect([...(await running)['y']!.data]).toEqual([2, 4, 6])
    await disposal
    await compiled.dispose()
    await expect(compiled.run({ x: floats(1, 2, 3) })).rejects.toThrow(DisposedError)
  })

  it('gives the same result without prepacking and with one thread', async () => {
    const weight = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i))
    const draw = (graph: g.Graph) => ({
      y: g.linear(graph.input('x', 'float32', [4, 64]), graph.parameter('weight', [64, 64])),
    })
    const source = { kind: 'embedded', dtype: 'float32', bytes: new Uint8Array(weight.buffer) } as const
    const x = float32(
      [4, 64],
      Float32Array.from({ length: 4 * 64 }, (_, i) => Math.cos(i)),
    )
    const packed = await (await compile(draw, { weight: () => source })).run({ x })
    const plain = await (await compile(draw, { weight: () => source, prepack: false, threads: 1 })).run({ x })
    packed['y']!.data.forEach((value, i) => {
      expect(Number(plain['y']!.data[i])).toBeCloseTo(Number(value), 4)
    })
  })
})
