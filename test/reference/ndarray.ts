/** A float64 array with a shape, row-major; integers and booleans are numbers too. Slow and obvious on purpose. */
export interface NdArray {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

type Index = readonly number[]

/** The array whose element at each index is `element(index)`. */
export function tabulate(shape: readonly number[], element: (index: Index) => number): NdArray {
  const data = new Float64Array(sizeOf(shape))
  for (let flat = 0; flat < data.length; flat++) data[flat] = element(indexOf(flat, shape))
  return { shape, data }
}

export const at = (x: NdArray, index: Index): number => x.data[flatten(index, x.shape)]!

/** The element that broadcasting puts at `index` of a larger array. */
export function broadcastAt(x: NdArray, index: Index): number {
  const own = index.slice(index.length - x.shape.length)
  return at(
    x,
    own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
  )
}

export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const [left, right] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1]
    return left === 1 ? right : left
  })
}

export const map = (x: NdArray, f: (value: number) => number): NdArray => ({ shape: x.shape, data: x.data.map(f) })

/** f over two arrays, broadcast. */
export const zip = (a: NdArray, b: NdArray, f: (a: number, b: number) => number): NdArray =>
  tabulate(broadcast(a.shape, b.shape), (index) => f(broadcastAt(a, index), broadcastAt(b, index)))

/** Adds to the element at `index`. */
export function addAt(x: NdArray, index: Index, amount: number): void {
  x.data[flatten(index, x.shape)]! += amount
}

/** Calls `visit` with every index of a shape, in row-major order. */
export function forEachIndex(shape: readonly number[], visit: (index: Index) => void): void {
  for (let flat = 0; flat < sizeOf(shape); flat++) visit(indexOf(flat, shape))
}

export const zerosOf = (shape: readonly number[]): NdArray => ({ shape, data: new Float64Array(sizeOf(shape)) })

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

function flatten(index: Index, shape: readonly number[]): number {
  return shape.reduce((flat, size, axis) => {
    const i = index[axis]!
    if (i < 0 || i >= size) throw new RangeError(`index [${index.join()}] is outside [${shape.join()}]`)
    return flat * size + i
  }, 0)
}

function indexOf(flat: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length)
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = flat % shape[axis]!
    flat = Math.floor(flat / shape[axis]!)
  }
  return index
}
