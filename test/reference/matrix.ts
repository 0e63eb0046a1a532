import { addAt, at, broadcast, broadcastAt, forEachIndex, type NdArray, tabulate, zerosOf } from './ndarray.js'
import { type ReferenceTable, reference } from './reference.js'

interface Matmul {
  transposeA: boolean
  transposeB: boolean
  alpha: number
}

interface Convolution {
  stride: number
  padding: number
}

export const matrix: ReferenceTable = {
  matmul: reference<Matmul>(([a, b], { transposeA, transposeB, alpha }) => {
    const [rows, inner] = transposeA ? a!.shape.slice(-2).reverse() : a!.shape.slice(-2)
    const [, columns] = transposeB ? b!.shape.slice(-2).reverse() : b!.shape.slice(-2)
    const batch = broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2))
    return [
      tabulate([...batch, rows!, columns!], (index) => {
        const [row, column] = index.slice(-2) as [number, number]
        const outer = index.slice(0, -2)
        let total = 0
        for (let k = 0; k < inner!; k++)
          total +=
            broadcastAt(a!, [...outer, ...(transposeA ? [k, row] : [row, k])]) *
            broadcastAt(b!, [...outer, ...(transposeB ? [column, k] : [k, column])])
        return alpha * total
      }),
    ]
  }),
  linear: reference(([x, weight, bias]) => {
    const [out, inner] = weight!.shape as [number, number]
    return [
      tabulate([...x!.shape.slice(0, -1), out], (index) => {
        const column = index.at(-1)!
        let total = bias ? at(bias, [column]) : 0
        for (let k = 0; k < inner; k++) total += at(x!, [...index.slice(0, -1), k]) * at(weight!, [column, k])
        return total
      }),
    ]
  }),
  convolution: reference<Convolution>(([x, weight], { stride, padding }) => {
    const [batch, , height, width] = x!.shape as [number, number, number, number]
    const [out, , kernelH, kernelW] = weight!.shape as [number, number, number, number]
    const size = (total: number, kernel: number) => Math.floor((total + 2 * padding - kernel) / stride) + 1
    const y = zerosOf([batch, out, size(height, kernelH), size(width, kernelW)])
    products(y, x!, weight!, { stride, padding }, (yIndex, xIndex, wIndex) =>
      addAt(y, yIndex, at(x!, xIndex) * at(weight!, wIndex)),
    )
    return [y]
  }),
  convolutionInputAdjoint: reference<Convolution & { size: [number, number] }>(
    ([dy, weight], { size, ...geometry }) => {
      const dx = zerosOf([dy!.shape[0]!, weight!.shape[1]!, ...size])
      products(dy!, dx, weight!, geometry, (yIndex, xIndex, wIndex) =>
        addAt(dx, xIndex, at(dy!, yIndex) * at(weight!, wIndex)),
      )
      return [dx]
    },
  ),
  convolutionWeightAdjoint: reference<Convolution & { kernel: [number, number] }>(
    ([x, dy], { kernel, ...geometry }) => {
      const dw = zerosOf([dy!.shape[1]!, x!.shape[1]!, ...kernel])
      products(dy!, x!, dw, geometry, (yIndex, xIndex, wIndex) => addAt(dw, wIndex, at(dy!, yIndex) * at(x!, xIndex)))
      return [dw]
    },
  ),
}

/** Every product x w of a convolution that adds to an element of y. */
function products(
  y: NdArray,
  x: NdArray,
  weight: NdArray,
  { stride, padding }: Convolution,
  visit: (y: readonly number[], x: readonly number[], weight: readonly number[]) => void,
): void {
  const [, , height, width] = x.shape as [number, number, number, number]
  forEachIndex(y.shape, (yIndex) => {
    const [n, out, row, column] = yIndex as [number, number, number, number]
    forEachIndex(weight.shape.slice(1), (kernelIndex) => {
      const [channel, kernelRow, kernelColumn] = kernelIndex as [number, number, number]
      const h = row * stride + kernelRow - padding
      const w = column * stride + kernelColumn - padding
      if (h >= 0 && h < height && w >= 0 && w < width) visit(yIndex, [n, channel, h, w], [out, ...kernelIndex])
    })
  })
}
