import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'

import { ConfigError, ShapeError } from '../../../src/errors.js'
import { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'

const SPECS = [
  { name: 'table', shape: [4, 3] },
  { name: 'bias', shape: [5] },
]

/** ModelProto of y = Neg(x) over float32 [n], opset 13, written by hand: a few length-prefixed protobuf fields. */
function negModel(): Uint8Array {
  const field = (number: number, content: readonly number[]) => [(number << 3) | 2, content.length, ...content]
  const text = (number: number, value: string) => field(number, [...Buffer.from(value)])
  const varint = (number: number, value: number) => [number << 3, value]
  const shape = field(2, field(1, text(2, 'n')))
  const valueInfo = (name: string) => [...text(1, name), ...field(2, field(1, [...varint(1, 1), ...shape]))]
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Neg')]
  const graph = [...field(1, node), ...text(2, 'g'), ...field(11, valueInfo('x')), ...field(12, valueInfo('y'))]
  return Uint8Array.from([...varint(1, 8), ...field(7, graph), ...field(8, varint(2, 13))])
}

describe('ParameterMemory', () => {
  it('gives zeroed arrays on 64-byte boundaries that do not overlap', () => {
    const { parameters } = new ParameterMemory(SPECS)
    const arrays = parameters.flatMap(({ value, gradient, firstMoment, secondMoment }) => [
      value,
      gradient,
      firstMoment,
      secondMoment,
    ])
    arrays.forEach((array, i) => {
      expect(array.byteOffset % 64).toBe(0)
      expect(array.every((value) => value === 0)).toBe(true)
      array.fill(i + 1)
    })
    arrays.forEach((array, i) => {
      expect(array.every((value) => value === i + 1)).toBe(true)
    })
  })

  it('is read and written in place by the runtime', async () => {
    const memory = new ParameterMemory(SPECS)
    const session = await InferenceSession.create(negModel())
    memory.value('bias').set([1, 2, 3, 4, 5])
    const feeds = { x: new Tensor('float32', memory.value('bias'), [5]) }
    await session.run(feeds, { y: new Tensor('float32', memory.gradient('bias'), [5]) })
    expect([...memory.gradient('bias')]).toEqual([-1, -2, -3, -4, -5])
    await session.release()
  })

  it('adds rows into the gradient of a table, repeated ids too, and zeroes them again', () => {
    const memory = new ParameterMemory(SPECS)
    memory.addRows('table', BigInt64Array.of(2n, 0n, 2n), Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9))
    expect([...memory.gradient('table')]).toEqual([4, 5, 6, 0, 0, 0, 8, 10, 12, 0, 0, 0])
    memory.clearRows()
    expect(memory.globalNorm()).toBe(0)
    memory.addRows('table', Int32Array.of(1), Float32Array.of(1, 2, 3))
    expect([...memory.gradient('table')]).toEqual([0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0])
  })

  it('refuses rows that do not fit, before it adds any', () => {
    const memory = new ParameterMemory(SPECS)
    const row = new Float32Array(3).fill(1)
    expect(() => memory.addRows('table', Int32Array.of(0, 4), new Float32Array(6))).toThrow(
      /id 4 is outside .* 4 entries/,
    )
    expect(() => memory.addRows('table', Int32Array.of(-1), row)).toThrow(ShapeError)
    expect(() => memory.addRows('table', Int32Array.of(0, 1), row)).toThrow(/2 rows of 3 expected, got 3 values/)
    expect(() => memory.addRows('bias', Int32Array.of(0), row)).toThrow(/expected a table/)
    expect(memory.globalNorm()).toBe(0)
  })

  it('computes the global norm in float64', () => {
    const memory = new ParameterMemory(SPECS)
    memory.gradient('table').fill(3e20)
    memory.gradient('bias')[0] = 1
    expect(memory.globalNorm() / (3e20 * Math.sqrt(12))).toBeCloseTo(1, 6)
  })

  it('refuses more than wasm32 can address, and names that repeat or are unknown', () => {
    expect(() => new ParameterMemory([{ name: 'w', shape: [270_000_000] }])).toThrow(ConfigError)
    expect(() => new ParameterMemory([{ name: 'w', shape: [270_000_000] }])).toThrow(/4\.02 GiB .* at most 4\.00 GiB/)
    expect(() => new ParameterMemory([...SPECS, SPECS[0]!])).toThrow(/same name/)
    expect(() => new ParameterMemory(SPECS).value('other')).toThrow(ConfigError)
  })

  it('holds 188 million parameters', () => {
    // Untouched pages take no memory.
    const memory = new ParameterMemory([{ name: 'w', shape: [188_000_000] }])
    const { secondMoment } = memory.parameter('w')
    secondMoment[187_999_999] = 1
    expect(secondMoment.length).toBe(188_000_000)
  })
})
