import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { WeightsError } from '../../../src/errors.js'
import { Graph, linear } from '../../../src/graph/index.js'
import { CompiledFunction, float32 } from '../../../src/runtime/index.js'
import { dequantizeMatrix, quantizeMatrix } from '../../../src/weights/quantize/blocks.js'
import { isQuantized, loadQuantized, mapQuantized, streamQuantized } from '../../../src/weights/quantize/open.js'
import { type WeightToQuantize, writeQuantized } from '../../../src/weights/quantize/write.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../../src/weights/safetensors/write.js'
import { withTemporaryDirectory } from '../temporary.js'

const path = withTemporaryDirectory()
const wave = (length: number, shift = 0) => Float32Array.from({ length }, (_, i) => Math.sin(i * 7.1) + shift)

const values = new Map([
  ['symmetric', wave(5 * 64)],
  ['shifted', wave(3 * 40, 2)],
  ['bias', wave(5)],
])
const weights: WeightToQuantize[] = [
  { name: 'symmetric', shape: [5, 64], bits: 4, read: async () => values.get('symmetric')! },
  { name: 'bias', shape: [5], bits: 32, read: async () => values.get('bias')! },
  { name: 'shifted', shape: [3, 40], bits: 8, read: async () => values.get('shifted')! },
]
const wanted = new Map(weights.map(({ name, shape }) => [name, { shape }]))

describe('a quantised file', () => {
  it('gives back what was written, and says what became of it', async () => {
    const seen: number[] = []
    const report = await writeQuantized(path('a.safetensors'), weights, { onProgress: (done) => seen.push(done) })
    expect(report.map(({ name, bits }) => [name, bits])).toEqual([
      ['symmetric', 4],
      ['shifted', 8],
    ])
    expect(report[1]!.symmetric).toBe(false)
    expect(seen).toEqual([0, 200, 220, 436])
    await using file = await SafetensorsFile.open(path('a.safetensors'))
    expect(isQuantized(file)).toBe(true)
    const loaded = await loadQuantized(file, wanted)
    expect(loaded.get('bias')).toEqual(values.get('bias'))
    expect(loaded.get('symmetric')).toEqual(
      dequantizeMatrix(quantizeMatrix(values.get('symmetric')!, { rows: 5, columns: 64 }, 4).matrix),
    )
    expect(Math.max(...loaded.get('shifted')!.map((x, i) => Math.abs(x - values.get('shifted')![i]!)))).toBeLessThan(
      0.01,
    )
  })

  it('is read one weight at a time with the same values, and closed with the stream', async () => {
    await writeQuantized(path('streamed.safetensors'), weights)
    const file = await SafetensorsFile.open(path('streamed.safetensors'))
    const loaded = await loadQuantized(file, wanted)
    const stream = await streamQuantized(file, wanted)
    expect(stream).toMatchObject({ names: [...wanted.keys()], isQuantized: true })
    for (const name of stream.names) expect(await stream.read(name)).toEqual(loaded.get(name))
    expect(() => stream.read('other')).toThrow(WeightsError)
    await stream[Symbol.asyncDispose]()
    await expect(file.readRaw('bias')).rejects.toThrow()
  })

  it('is mapped by the runtime', async () => {
    await writeQuantized(path('mapped.safetensors'), weights)
    await using file = await SafetensorsFile.open(path('mapped.safetensors'))
    const graph = new Graph()
    const x = graph.input('x', 'float32', [1, 64])
    const y = linear(x, graph.parameter('symmetric', [5, 64]), graph.parameter('bias', [5]))
    const compiled = await CompiledFunction.create(graph, { y }, await mapQuantized(file, wanted))
    const output = (await compiled.run({ x: float32([1, 64], new Float32Array(64).fill(1)) })).y.data as Float32Array
    await compiled.dispose()
    const wide = (await loadQuantized(file, wanted)).get('symmetric')!
    const sums = Array.from(values.get('bias')!, (b, row) =>
      wide.subarray(row * 64, (row + 1) * 64).reduce((sum, value) => sum + value, b),
    )
    expect([...output]).toEqual(sums.map((sum) => expect.closeTo(sum, 3)))
  })

  it('lists what is missing, unexpected and wrongly shaped together', async () => {
    await writeQuantized(path('b.safetensors'), weights)
    await using file = await SafetensorsFile.open(path('b.safetensors'))
    const other = new Map([
      ['symmetric', { shape: [5, 96] }],
      ['absent', { shape: [1] }],
      ['bias', { shape: [5] }],
    ])
    const failed = mapQuantized(file, other)
    await expect(failed).rejects.toThrow(WeightsError)
    await expect(failed).rejects.toThrow(
      /missing \(1\): absent[\s\S]*unexpected \(3\): .*shifted[\s\S]*symmetric \(expected/,
    )
  })

  it('is not what a plain file is', async () => {
    await writeSafetensors(path('plain.safetensors'), new Map([['bias', { shape: [5], data: wave(5) }]]))
    await using file = await SafetensorsFile.open(path('plain.safetensors'))
    expect(isQuantized(file)).toBe(false)
  })

  it('leaves the old file when it is stopped', async () => {
    await writeFile(path('old.safetensors'), 'old')
    const stopped = writeQuantized(path('old.safetensors'), weights, { signal: AbortSignal.abort() })
    await expect(stopped).rejects.toThrow(/abort/)
    await expect(SafetensorsFile.open(path('old.safetensors'))).rejects.toThrow(WeightsError)
  })
})
