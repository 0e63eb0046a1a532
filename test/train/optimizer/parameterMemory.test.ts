import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'

import { ConfigError, ShapeError } from '../../../src/errors.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'
import { Random } from '../../../src/train/random/random.js'

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

  it('refuses a parameter that wasm32 cannot address, and names that repeat or are unknown', () => {
    expect(() => new ParameterMemory([{ name: 'w', shape: [270_000_000] }])).toThrow(ConfigError)
    expect(() => new ParameterMemory([{ name: 'w', shape: [270_000_000] }])).toThrow(
      /w .* 4\.02 GiB .* at most 4\.00 GiB/,
    )
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

  it('takes another memory where one is full, and computes the same', () => {
    const specs = [
      { name: 'a', shape: [40, 10] },
      { name: 'b', shape: [7] },
      { name: 'c', shape: [30, 10] },
      { name: 'd', shape: [] },
    ]
    const [one, several] = [new ParameterMemory(specs), new ParameterMemory(specs, { bankBytes: 12_000 })]
    expect(one.arenas('value')).toHaveLength(1)
    expect(several.arenas('value').map(({ length }) => length)).toEqual([400 + 16, 304 + 16])
    const [first, second] = [one, several].map((memory) => {
      for (const { name, value, gradient } of memory.parameters) {
        const random = new Random(3, name)
        for (let i = 0; i < value.length; i++) [value[i], gradient[i]] = [random.normal(), random.normal()]
      }
      const norm = memory.globalNorm()
      const adamw = new AdamW(memory, { groups: parameterGroups(specs) })
      // In parts that begin and end within a parameter, and in one that reaches over both memories.
      const update = adamw.begin({ lr: 0.1, clipNorm: 1 })
      for (const range of memory.evenRanges(3)) update.apply(range)
      return { norm, values: memory.parameters.map(({ value }) => [...value]) }
    })
    expect(second!.norm).toBeCloseTo(first!.norm, 12)
    expect(second!.values).toEqual(first!.values)
  })

  it('shows a range of its arenas as views of each memory', () => {
    const memory = new ParameterMemory(
      [
        { name: 'a', shape: [64] },
        { name: 'b', shape: [64] },
      ],
      { bankBytes: 5000 },
    )
    memory.value('a').fill(1)
    memory.value('b').fill(2)
    const views = memory.viewsOf('value', { first: 48, end: 96 })
    expect(views.map((view) => [...view])).toEqual([new Array(16).fill(1), new Array(32).fill(2)])
    expect(memory.offsetOf(memory.gradient('b'))).toBe(64)
    expect(memory.evenRanges(2)).toEqual([
      { first: 0, end: 64 },
      { first: 64, end: 128 },
    ])
  })
})
