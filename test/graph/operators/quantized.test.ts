import { describe, expect, it } from 'vitest'
import { DtypeError, ShapeError } from '../../../src/errors.js'
import { backward, embedding, Graph, linear, mul, sum, toOnnx, type WeightSource } from '../../../src/graph/index.js'
import { CompiledFunction, float32, int64 } from '../../../src/runtime/index.js'
import { BLOCK_SIZE, type Bits, dequantizeMatrix, quantizeAs } from '../../../src/weights/quantize/blocks.js'
import { randomArray } from '../randomArray.js'

const OUT = 24

const random = (length: number, seed: number) => Float32Array.from(randomArray([length], seed).data)

function quantized(values: Float32Array, columns: number, bits: Bits, symmetric: boolean) {
  const matrix = quantizeAs(values, { rows: values.length / columns, columns }, bits, symmetric)
  const bytes = (array: Uint8Array | Float32Array) =>
    ({
      kind: 'embedded',
      dtype: array instanceof Float32Array ? 'float32' : 'uint8',
      bytes: new Uint8Array(array.buffer),
    }) as const
  const source: WeightSource = {
    kind: 'quantized',
    bits,
    blockSize: BLOCK_SIZE,
    values: bytes(matrix.values),
    scales: bytes(matrix.scales),
    ...(matrix.zeroPoints ? { zeroPoints: bytes(matrix.zeroPoints) } : {}),
  }
  return { source, wide: dequantizeMatrix(matrix) }
}

const cases = ([4, 8] as const).flatMap((bits) =>
  [true, false].flatMap((symmetric) => [96, 70].map((columns) => ({ bits, symmetric, columns }))),
)

describe('a quantised linear layer', () => {
  it.each(cases)('$bits bits, symmetric $symmetric, $columns columns', async ({ bits, symmetric, columns }) => {
    const weight = random(OUT * columns, 1).map((value) => value + 0.3)
    const bias = random(OUT, 2)
    const { source, wide } = quantized(weight, columns, bits, symmetric)
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['batch', 3, columns])
    const y = linear(x, graph.parameter('w', [OUT, columns]), graph.parameter('b', [OUT]))
    const embedded = { kind: 'embedded', dtype: 'float32', bytes: new Uint8Array(bias.buffer) } as const
    const compiled = await CompiledFunction.create(
      graph,
      { y },
      { weight: (name) => (name === 'w' ? source : embedded) },
    )
    const rows = 2 * 3
    // Whole numbers up to 127 lose nothing when the runtime quantises them to int8.
    const input = random(rows * columns, 3).map((value, i) => (i % 32 === 0 ? 127 : Math.round(40 * value)))
    const output = (await compiled.run({ x: float32([2, 3, columns], input) })).y.data as Float32Array
    await compiled.dispose()
    for (let row = 0; row < rows; row++)
      for (let out = 0; out < OUT; out++) {
        let expected = bias[out]!
        let size = 1
        for (let i = 0; i < columns; i++) {
          expected += input[row * columns + i]! * wide[out * columns + i]!
          size += Math.abs(input[row * columns + i]! * wide[out * columns + i]!)
        }
        expect(Math.abs(output[row * OUT + out]! - expected)).toBeLessThan(0.01 * size)
      }
  })
})

describe('the gradient through a quantised linear layer', () => {
  it.each(cases.filter(({ bits }) => bits === 8))(
    'is that of the weights as they compute, symmetric $symmetric, $columns columns',
    async ({ symmetric, columns }) => {
      const { source, wide } = quantized(random(OUT * columns, 1), columns, 8, symmetric)
      const graph = new Graph()
      const x = graph.input('x', 'float32', [2, 3, columns])
      const factor = graph.input('factor', 'float32', [2, 3, OUT])
      const loss = sum(mul(linear(x, graph.parameter('w', [OUT, columns])), factor), [0, 1, 2])
      const gradient = backward(loss, [x]).get(x)!.dense!
      const compiled = await CompiledFunction.create(graph, { gradient }, { weight: () => source })
      const factors = random(6 * OUT, 4)
      const feeds = { x: float32([2, 3, columns], random(6 * columns, 3)), factor: float32([2, 3, OUT], factors) }
      const { data } = (await compiled.run(feeds)).gradient
      await compiled.dispose()
      for (let row = 0; row < 6; row++)
        for (let i = 0; i < columns; i++) {
          let expected = 0
          for (let out = 0; out < OUT; out++) expected += factors[row * OUT + out]! * wide[out * columns + i]!
          expect((data as Float32Array)[row * columns + i]).toBeCloseTo(expected, 4)
        }
    },
  )

  it('of 4 bits is refused', () => {
    const { source } = quantized(random(320, 5), 32, 4, true)
    const graph = new Graph()
    const x = graph.input('x', 'float32', [3, 32])
    const loss = sum(linear(x, graph.parameter('w', [10, 32])), [0, 1])
    const gradient = backward(loss, [x]).get(x)!.dense!
    expect(() => toOnnx(graph, { gradient }, { weight: () => source })).toThrow(DtypeError)
  })
})

describe('a quantised table', () => {
  it.each(cases.filter(({ bits }) => bits === 8))(
    'gives the rows that are looked up, symmetric $symmetric, $columns columns',
    async ({ symmetric, columns }) => {
      const { source, wide } = quantized(random(10 * columns, 5), columns, 8, symmetric)
      const graph = new Graph()
      const rows = embedding(graph.parameter('w', [10, columns]), graph.input('ids', 'int64', ['batch', 2]))
      const compiled = await CompiledFunction.create(graph, { rows }, { weight: () => source })
      const ids = [3, 9, 0, 3, 7, 7]
      const output = (await compiled.run({ ids: int64([3, 2], ids) })).rows
      await compiled.dispose()
      expect(output.shape).toEqual([3, 2, columns])
      const expected = ids.flatMap((id) => [...wide.subarray(id * columns, (id + 1) * columns)])
      expect([...(output.data as Float32Array)]).toEqual(expected.map((value) => expect.closeTo(value, 5)))
    },
  )

  it('of 4 bits is refused', () => {
    const { source } = quantized(random(320, 5), 32, 4, true)
    const graph = new Graph()
    const rows = embedding(graph.parameter('w', [10, 32]), graph.input('ids', 'int64', [2]))
    expect(() => toOnnx(graph, { rows }, { weight: () => source })).toThrow(DtypeError)
  })
})

describe('what cannot be quantised', () => {
  it('is refused by name: a weight that another operator reads, and one that is no matrix', () => {
    const { source } = quantized(random(320, 5), 32, 8, true)
    const scaled = new Graph()
    const product = mul(scaled.parameter('w', [10, 32]), 2)
    expect(() => toOnnx(scaled, { product }, { weight: () => source })).toThrow(/'w', which is quantised/)
    const vector = new Graph()
    const doubled = mul(vector.parameter('w', [320]), 2)
    expect(() => toOnnx(vector, { doubled }, { weight: () => source })).toThrow(ShapeError)
  })
})
