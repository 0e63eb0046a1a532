import type { Shape } from '../../src/graph/index.js'
import { addAt, at, broadcastAt, forEachIndex, type NdArray, tabulate, zerosOf } from './ndarray.js'
import { type ReferenceTable, reference } from './reference.js'

interface Slice {
  axis: number
  start: number
  end: number
  step: number
}

const replace = (index: readonly number[], axis: number, value: number) => index.toSpliced(axis, 1, value)

export const shape: ReferenceTable = {
  reshape: reference<{ shape: Shape }>(([x], { shape }, bind) => [{ shape: bind(shape), data: x!.data }]),
  transpose: reference<{ permutation: number[] }>(([x], { permutation }) => [
    tabulate(
      permutation.map((axis) => x!.shape[axis]!),
      (index) =>
        at(
          x!,
          permutation.map((_, axis) => index[permutation.indexOf(axis)]!),
        ),
    ),
  ]),
  expand: reference<{ shape: Shape }>(([x], { shape }, bind) => [
    tabulate(bind(shape), (index) => broadcastAt(x!, index)),
  ]),
  expandBatch: reference(([x, like]) => [
    tabulate([like!.shape[0]!, ...x!.shape.slice(1)], (index) => broadcastAt(x!, index)),
  ]),
  concat: reference<{ axis: number }>((inputs, { axis }) => {
    const total = inputs.reduce((sum, x) => sum + x.shape[axis]!, 0)
    return [
      tabulate(replace(inputs[0]!.shape, axis, total), (index) => {
        let position = index[axis]!
        const part = inputs.find((x) => {
          if (position < x.shape[axis]!) return true
          position -= x.shape[axis]!
          return false
        })!
        return at(part, replace(index, axis, position))
      }),
    ]
  }),
  slice: reference<Slice>(([x], { axis, start, end, step }) => {
    const size = Math.ceil((end - start) / step)
    return [
      tabulate(replace(x!.shape, axis, size), (index) => at(x!, replace(index, axis, start + step * index[axis]!))),
    ]
  }),
  unslice: reference<Slice & { shape: Shape }>(([dy], { axis, start, step, shape }, bind) => {
    const dx = zerosOf(bind(shape))
    forEachIndex(dy!.shape, (index) => addAt(dx, replace(index, axis, start + step * index[axis]!), at(dy!, index)))
    return [dx]
  }),
  split: reference<{ axis: number; sizes: number[] }>(([x], { axis, sizes }) =>
    sizes.map((size, i) => {
      const before = sizes.slice(0, i).reduce((sum, part) => sum + part, 0)
      return tabulate(replace(x!.shape, axis, size), (index) => at(x!, replace(index, axis, before + index[axis]!)))
    }),
  ),
  gather: reference<{ axis: number }>(([x, indices], { axis }) => [gather(x!, indices!, axis)]),
  embedding: reference(([table, ids]) => [gather(table!, ids!, 0)]),
  scatterAdd: reference<{ shape: Shape; axis: number }>(([dy, indices], { shape, axis }, bind) => {
    const dx = zerosOf(bind(shape))
    const rank = indices!.shape.length
    forEachIndex(dy!.shape, (index) => {
      const target = at(indices!, index.slice(axis, axis + rank))
      addAt(dx, index.toSpliced(axis, rank, target), at(dy!, index))
    })
    return [dx]
  }),
  cumulativeSum: reference<{ axis: number }>(([x], { axis }) => [
    tabulate(x!.shape, (index) => {
      let total = 0
      for (let i = 0; i <= index[axis]!; i++) total += at(x!, replace(index, axis, i))
      return total
    }),
  ]),
}

function gather(x: NdArray, indices: NdArray, axis: number): NdArray {
  const shape = x.shape.toSpliced(axis, 1, ...indices.shape)
  const rank = indices.shape.length
  return tabulate(shape, (index) => at(x, index.toSpliced(axis, rank, at(indices, index.slice(axis, axis + rank)))))
}
