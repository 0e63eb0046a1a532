import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RuntimeError } from '../../src/errors.js'
import { ModelProtoSchema } from '../../src/graph/onnx.generated.js'
import * as g from '../../src/graph/index.js'
import { CompiledFunction, type CompileOptions, float32 } from '../../src/runtime/index.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../src/weights/safetensors/write.js'

const [ROWS, INNER, OUT] = [4, 6, 5]

describe('toOnnx', () => {
  it('drops nodes, inputs and weights that lead to no output', () => {
    const { graph, y } = layer()
    const alone = g.toOnnx(graph, { y })
    const unused = graph.input('unused', 'float32', [2])
    g.exp(g.add(unused, graph.parameter('forgotten', [2])))
    const again = g.toOnnx(graph, { y })
    expect(again.nodeCount).toBe(alone.nodeCount)
    expect(namesOf(again.bytes)).toEqual({ inputs: ['x', 'weight', 'bias'], outputs: ['y'] })
  })

  it('shares constants and common subexpressions', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [2, 3])
    const once = g.toOnnx(graph, { y: g.exp(g.mul(x, 2)) })
    const twice = g.toOnnx(graph, { y: g.add(g.exp(g.mul(x, 2)), g.exp(g.mul(x, 2))) })
    expect(twice.nodeCount).toBe(once.nodeCount + 1)
    expect(fromBinary(ModelProtoSchema, twice.bytes).graph!.initializer).toHaveLength(1)
  })

  it('says the label of every node', () => {
    const { graph, y } = layer()
    const { labels, bytes } = g.toOnnx(graph, { y })
    const nodes = fromBinary(ModelProtoSchema, bytes).graph!.node
    const gemm = nodes.find(({ opType }) => opType === 'Gemm')!
    expect(labels.get(gemm.name)).toBe('head/linear')
  })

  it('keeps its own names apart from those of inputs, weights and outputs', async () => {
    const graph = new g.Graph()
    const [t1, u0, c0] = ['t1', 'u0', 'c0'].map((name) => graph.input(name, 'float32', [2])) as [
      g.Tensor,
      g.Tensor,
      g.Tensor,
    ]
    const compiled = await CompiledFunction.create(graph, { t3: g.mul(g.add(t1, u0), 2), t4: g.add(c0, 1) })
    const { t3, t4 } = await compiled.run({
      t1: float32([2], Float32Array.of(1, 2)),
      u0: float32([2], Float32Array.of(10, 20)),
      c0: float32([2], Float32Array.of(5, 6)),
    })
    expect([...t3.data, ...t4.data]).toEqual([22, 44, 6, 7])
    await compiled.dispose()
  })

  it('refuses an output with the name of an input', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [2])
    expect(() => g.toOnnx(graph, { x: g.exp(x) })).toThrow(/an output cannot be called 'x'/)
  })

  it('passes an input through to an output', async () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [2])
    const compiled = await CompiledFunction.create(graph, { y: x, again: x })
    const { y, again } = await compiled.run({ x: float32([2], Float32Array.of(3, 4)) })
    expect([...y.data, ...again.data]).toEqual([3, 4, 3, 4])
    await compiled.dispose()
  })
})

describe('weights of a safetensors file', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'blip2-onnx-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  const x = float32([ROWS, INNER], sequence(ROWS * INNER, 1))
  const weights = { weight: sequence(OUT * INNER, 2), bias: sequence(OUT, 3) }

  it.each([
    ['F32', 'float32', 0],
    ['F16', 'float16', 2e-3],
  ] as const)(
    'mapped as %s give what embedded ones give, and nothing else stays in the directory',
    async (stored, dtype, tolerance) => {
      const file = join(directory, 'model.safetensors')
      await writeSafetensors(
        file,
        new Map([
          ['weight', { shape: [OUT, INNER], data: weights.weight }],
          ['bias', { shape: [OUT], data: weights.bias }],
        ]),
        { dtype: stored },
      )
      await using table = await SafetensorsFile.open(file)
      const mapped = await runLayer({
        weightDirectory: directory,
        weight: (name) => {
          const { byteOffset, byteLength } = table.tensor(name)
          return { kind: 'external', dtype, location: 'model.safetensors', offset: byteOffset, length: byteLength }
        },
      })
      expect(await readdir(directory)).toEqual(['model.safetensors'])
      const embedded = await runLayer({ weight: (name) => embed(weights[name as keyof typeof weights]) })
      expect(embedded).toEqual(await runLayer({}, weights))
      embedded.forEach((value, i) => {
        expect(Math.abs(mapped[i]! - value)).toBeLessThanOrEqual(tolerance)
      })
    },
  )

  it('that is not there: the error says so, and nothing stays in the directory', async () => {
    const source = {
      kind: 'external',
      dtype: 'float32',
      location: 'absent.safetensors',
      offset: 0,
      length: 120,
    } as const
    const opening = runLayer({ weightDirectory: directory, weight: () => source })
    await expect(opening).rejects.toThrow(RuntimeError)
    await expect(opening).rejects.toThrow(/opening a graph failed/)
    expect(await readdir(directory)).toEqual([])
  })

  it('in a directory that cannot be written to: the error says what to do', async () => {
    // A file in the directory's place, since permissions do not stop the superuser.
    const place = join(directory, 'not-a-directory')
    await writeFile(place, '')
    const opening = runLayer({ weightDirectory: place, weight: (name) => embed(weights[name as keyof typeof weights]) })
    await expect(opening).rejects.toThrow(RuntimeError)
    await expect(opening).rejects.toThrow(/must be writable while a model opens; copy the model to a directory/)
  })

  async function runLayer(options: CompileOptions, fed: Record<string, Float32Array> = {}): Promise<Float32Array> {
    const { graph, y } = layer()
    const compiled = await CompiledFunction.create(graph, { y }, options)
    const shapes = { weight: [OUT, INNER], bias: [OUT] }
    const feeds = Object.entries(fed).map(([name, data]) => [name, float32(shapes[name as keyof typeof shapes], data)])
    const result = await compiled.run({ x, ...Object.fromEntries(feeds) })
    await compiled.dispose()
    return result.y.data as Float32Array
  }
})

function layer() {
  const graph = new g.Graph()
  const x = graph.input('x', 'float32', [ROWS, INNER])
  const y = graph.scope('head', () =>
    g.linear(x, graph.parameter('weight', [OUT, INNER]), graph.parameter('bias', [OUT])),
  )
  return { graph, y }
}

function namesOf(bytes: Uint8Array) {
  const { input, output } = fromBinary(ModelProtoSchema, bytes).graph!
  return { inputs: input.map(({ name }) => name), outputs: output.map(({ name }) => name) }
}

const embed = (data: Float32Array) => ({
  kind: 'embedded' as const,
  dtype: 'float32' as const,
  bytes: new Uint8Array(data.buffer),
})

function sequence(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(seed + i))
}
