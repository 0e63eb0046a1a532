import { expect } from 'vitest'
import { add, backward, type DType, Graph, isFloat, mul, type Shape, sum, type Tensor } from '../../src/graph/index.js'
import { CompiledFunction, float32, int64, type Value, value as makeValue } from '../../src/runtime/index.js'
import { interpret } from '../reference/interpret.js'
import { addAt, at, forEachIndex, type NdArray, zerosOf } from '../reference/ndarray.js'
import { randomArray } from './randomArray.js'

/** An input of a check: what it holds, and how it is declared where that differs (named sizes). */
export interface CheckedInput {
  readonly dtype: DType
  readonly declared: Shape
  readonly value: NdArray
}

export interface Check {
  readonly inputs: Readonly<Record<string, CheckedInput>>
  /** Draws what is checked; every output is compared, the gradient flows back from every float output. */
  readonly draw: (inputs: Readonly<Record<string, Tensor>>) => Tensor | readonly Tensor[]
  /** 'none' for graphs whose gradient needs sizes that are only named, or that have none (default 'finite differences'). */
  readonly gradient?: 'finite differences' | 'none'
}

// Of the largest magnitude of the tensor, for float32 in the runtime.
const FORWARD_TOLERANCE = 2e-5
const BACKWARD_TOLERANCE = 1e-4
// Of the formula itself: the gradient graph in float64 beside central differences in float64.
const FORMULA_TOLERANCE = 1e-6
const STEP = 1e-4

/**
 * Checks operators against the float64 references: their outputs in the runtime, the formulas of their gradients by
 * central finite differences, and the gradients in the runtime.
 */
export async function checkOperator({ inputs, draw, gradient = 'finite differences' }: Check): Promise<void> {
  const graph = new Graph()
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, declared }]) => [name, graph.input(name, dtype, declared)]),
  )
  const outputs = [draw(tensors)].flat()
  const arrays: Record<string, NdArray> = Object.fromEntries(
    Object.entries(inputs).map(([name, { value }]) => [name, value]),
  )
  const dtypes = new Map(Object.entries(inputs).map(([name, { dtype }]) => [name, dtype]))
  await expectSameValues(outputs, arrays, dtypes, FORWARD_TOLERANCE)
  if (gradient === 'none' || !outputs.some(({ dtype }) => isFloat(dtype))) return

  const { loss, weights } = weightedSum(outputs, arrays)
  const fed = { ...arrays, ...weights }
  const floats = Object.entries(tensors).filter(([, { dtype }]) => isFloat(dtype))
  const gradients = backward(
    loss,
    floats.map(([, tensor]) => tensor),
  )
  for (const [name, tensor] of floats) {
    const { dense, rows } = gradients.get(tensor)!
    const formula = dense ? interpret([dense], fed)[0]! : zerosOf(arrays[name]!.shape)
    const total: NdArray = { shape: formula.shape, data: formula.data.slice() }
    for (const { ids, values } of rows) addRows(total, interpret([ids, values], fed) as [NdArray, NdArray])
    expectClose(total, finiteDifferences(loss, fed, name), FORMULA_TOLERANCE, `gradient of ${name}, formula`)
  }
  const graphs = [...gradients.values()].flatMap(({ dense, rows }) => [
    ...(dense ? [dense] : []),
    ...rows.flatMap(({ ids, values }) => [ids, values]),
  ])
  if (graphs.length > 0) await expectSameValues(graphs, fed, dtypes, BACKWARD_TOLERANCE)
}

/** Runs in the runtime what the references compute. */
async function expectSameValues(
  outputs: readonly Tensor[],
  feeds: Readonly<Record<string, NdArray>>,
  dtypes: ReadonlyMap<string, DType>,
  tolerance: number,
): Promise<void> {
  const named = Object.fromEntries(outputs.map((output, i) => [`output ${i}`, output]))
  const compiled = await CompiledFunction.create(outputs[0]!.graph, named)
  try {
    const wanted = [...compiled.inputs.keys()]
    const results = await compiled.run(
      Object.fromEntries(wanted.map((name) => [name, toValue(feeds[name]!, dtypes.get(name) ?? 'float32')])),
    )
    const expected = interpret(outputs, feeds)
    outputs.forEach((output, i) => {
      const found = results[`output ${i}`]!
      const exact = !isFloat(output.dtype)
      expectClose(fromValue(found), expected[i]!, exact ? 0 : tolerance, `output ${i} in the runtime`)
    })
  } finally {
    await compiled.dispose()
  }
}

/** A scalar in which every element of every float output has a weight of its own. */
function weightedSum(outputs: readonly Tensor[], feeds: Readonly<Record<string, NdArray>>) {
  const values = interpret(outputs, feeds)
  const weights: Record<string, NdArray> = {}
  const terms = outputs.flatMap((output, i) => {
    if (!isFloat(output.dtype)) return []
    const name = `weight ${i}`
    weights[name] = randomArray(values[i]!.shape, 1000 + i)
    return [sum(mul(output, output.graph.input(name, 'float32', output.shape)))]
  })
  return { loss: terms.reduce((a, b) => add(a, b)), weights }
}

function finiteDifferences(loss: Tensor, feeds: Readonly<Record<string, NdArray>>, name: string): NdArray {
  const x = feeds[name]!
  const shifted = (element: number, amount: number) => {
    const data = x.data.slice()
    data[element]! += amount
    return interpret([loss], { ...feeds, [name]: { shape: x.shape, data } })[0]!.data[0]!
  }
  const data = x.data.map((_, i) => (shifted(i, STEP) - shifted(i, -STEP)) / (2 * STEP))
  return { shape: x.shape, data }
}

function addRows(table: NdArray, [ids, values]: [NdArray, NdArray]): void {
  forEachIndex(values.shape, (index) => {
    addAt(table, [at(ids, index.slice(0, -1)), index.at(-1)!], at(values, index))
  })
}

function expectClose(found: NdArray, expected: NdArray, tolerance: number, what: string): void {
  expect(found.shape, `shape of ${what}`).toEqual(expected.shape)
  const magnitude = expected.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1)
  expected.data.forEach((value, i) => {
    // The negation catches NaN on either side.
    if (!(Math.abs(found.data[i]! - value) <= tolerance * magnitude))
      expect.fail(`${what}: element ${i} is ${found.data[i]}, expected ${value}`)
  })
}

function toValue({ shape, data }: NdArray, dtype: DType): Value {
  if (dtype === 'int64') return int64(shape, data)
  if (dtype === 'float32') return float32(shape, Float32Array.from(data))
  if (dtype === 'bool' || dtype === 'uint8') return makeValue(dtype, shape, Uint8Array.from(data))
  throw new Error(`no check feeds ${dtype}`)
}

const fromValue = ({ shape, data }: Value): NdArray => ({
  shape,
  data: Float64Array.from(data as ArrayLike<number | bigint>, Number),
})
