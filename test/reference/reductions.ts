import { at, forEachIndex, type NdArray, tabulate } from './ndarray.js'
import { type Reference, type ReferenceTable, reference } from './reference.js'

const reduce = (f: (values: readonly number[]) => number): Reference =>
  reference<{ axes: number[]; keepDims: boolean }>(([x], { axes, keepDims }) => {
    const groups = new Map<string, number[]>()
    forEachIndex(x!.shape, (index) => {
      const key = index.map((i, axis) => (axes.includes(axis) ? 0 : i)).join()
      groups.set(key, [...(groups.get(key) ?? []), at(x!, index)])
    })
    const kept = x!.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    const { data } = tabulate(kept, (index) => f(groups.get(index.join())!))
    return [{ shape: keepDims ? kept : kept.filter((_, axis) => !axes.includes(axis)), data }]
  })

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
const average = (values: readonly number[]) => total(values) / values.length

export const reductions: ReferenceTable = {
  sum: reduce(total),
  mean: reduce(average),
  max: reduce((values) => Math.max(...values)),
  argmax: reference(([x]) => [overRows(x!, (row) => [row.indexOf(Math.max(...row))], false)]),
  softmax: reference(([x]) => [overRows(x!, (row) => logSoftmax(row).map(Math.exp))]),
  logSoftmax: reference(([x]) => [overRows(x!, logSoftmax)]),
  layerNorm: reference<{ epsilon: number }>(([x, weight, bias], { epsilon }) => {
    const statistics = (row: readonly number[]) => {
      const mean = average(row)
      return { mean, inverse: 1 / Math.sqrt(average(row.map((value) => (value - mean) ** 2)) + epsilon) }
    }
    return [
      overRows(x!, (row) => {
        const { mean, inverse } = statistics(row)
        return row.map((value, i) => (value - mean) * inverse * weight!.data[i]! + bias!.data[i]!)
      }),
      overRows(x!, (row) => [statistics(row).mean]),
      overRows(x!, (row) => [statistics(row).inverse]),
    ]
  }),
  rmsNorm: reference<{ epsilon: number }>(([x, weight], { epsilon }) => {
    const inverse = (row: readonly number[]) => 1 / Math.sqrt(average(row.map((value) => value ** 2)) + epsilon)
    return [
      overRows(x!, (row) => row.map((value, i) => value * inverse(row) * weight!.data[i]!)),
      overRows(x!, (row) => [inverse(row)]),
    ]
  }),
  crossEntropy: reference<CrossEntropy>(([logits, labels], settings) => {
    const logP = overRows(logits!, logSoftmax)
    const classes = logits!.shape[1]!
    return [
      tabulate(labels!.shape, ([row]) => {
        const q = target(labels!.data[row!]!, classes, settings)
        return q ? -total(q.map((weight, i) => weight * at(logP, [row!, i]))) : 0
      }),
      logP,
    ]
  }),
  crossEntropyAdjoint: reference<CrossEntropy>(([logP, labels, dLoss], settings) => [
    tabulate(logP!.shape, ([row, column]) => {
      const q = target(labels!.data[row!]!, logP!.shape[1]!, settings)
      return q ? (Math.exp(at(logP!, [row!, column!])) - q[column!]!) * dLoss!.data[row!]! : 0
    }),
  ]),
}

interface CrossEntropy {
  labelSmoothing: number
  ignoreIndex: number
}

/** The smoothed one-hot distribution of a label; none for an ignored one. */
function target(label: number, classes: number, { labelSmoothing, ignoreIndex }: CrossEntropy): number[] | undefined {
  if (label === ignoreIndex) return undefined
  return Array.from({ length: classes }, (_, i) => labelSmoothing / classes + (i === label ? 1 - labelSmoothing : 0))
}

function logSoftmax(row: readonly number[]): number[] {
  const largest = Math.max(...row)
  const logTotal = Math.log(total(row.map((value) => Math.exp(value - largest))))
  return row.map((value) => value - largest - logTotal)
}

/** f of every row along the last axis; the results form the last axis, or none when `keep` is false. */
function overRows(x: NdArray, f: (row: readonly number[]) => readonly number[], keep = true): NdArray {
  const width = x.shape.at(-1)!
  const outer = x.shape.slice(0, -1)
  const rows = Array.from({ length: x.data.length / width }, (_, i) =>
    f([...x.data.subarray(i * width, (i + 1) * width)]),
  )
  return { shape: keep ? [...outer, rows[0]!.length] : outer, data: Float64Array.from(rows.flat()) }
}
