import { ShapeError } from '../errors.js'

/** Element types a graph tensor can have; the names are ONNX Runtime's. */
export type DType = 'float32' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'bool'

/** A size known when the graph is drawn, or a name such as 'batch' that is known when it runs. */
export type Dimension = number | string
export type Shape = readonly Dimension[]

export interface TensorType {
  readonly dtype: DType
  readonly shape: Shape
}

export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16'

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i])

/** The sizes as numbers; throws a ShapeError naming `what` when one of them is only named. */
export function staticShape(shape: Shape, what: string): number[] {
  return shape.map((size) => {
    if (typeof size === 'number') return size
    throw new ShapeError(`${what} needs sizes known before the run, but got ${formatShape(shape)}`)
  })
}

/** Number of elements of a shape whose sizes are all known. */
export const elementCount = (shape: Shape, what = 'the element count'): number =>
  staticShape(shape, what).reduce((product, size) => product * size, 1)

/** numpy's broadcasting rule over both kinds of sizes; a named size matches itself and 1. */
export function broadcastShapes(a: Shape, b: Shape, what: string): Dimension[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1
    const right = b[i - rank + b.length] ?? 1
    if (left === right || right === 1) return left
    if (left === 1) return right
    throw new ShapeError(`${what}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast at axis ${i}`)
  })
}

/** An axis in 0..rank-1, counted from the end when negative. */
export function normalizeAxis(axis: number, rank: number, what: string): number {
  const positive = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank)
    throw new ShapeError(`${what}: axis ${axis} is outside a tensor of rank ${rank}`)
  return positive
}

/**
 * A product of sizes in normal form: the numeric factor and the sorted names ("6 * batch * tokens").
 * A sum among the factors counts as one name.
 * Two shapes hold the same number of elements when their products are equal.
 */
export function sizeProduct(shape: Shape): { factor: number; names: string[] } {
  let factor = 1
  const names: string[] = []
  for (const size of shape) {
    if (typeof size === 'number') factor *= size
    else
      for (const part of splitOutside(size, '*')) {
        if (/^\d+$/.test(part)) factor *= Number(part)
        else names.push(part.startsWith('(') ? part.slice(1, -1) : part)
      }
  }
  return { factor, names: names.sort() }
}

/** A product in normal form as one dimension; a sum in it stands in parentheses. */
export function productDimension({ factor, names }: { factor: number; names: readonly string[] }): Dimension {
  if (names.length === 0) return factor
  const [first] = names
  if (names.length === 1 && factor === 1) return first!
  const factors = names.map((name) => (splitOutside(name, '+').length > 1 ? `(${name})` : name))
  return [...(factor === 1 ? [] : [String(factor)]), ...factors].join('*')
}

/** A sum of dimensions as one dimension: 3 + 4 = 7, 'past' + 'new' = 'past+new'. */
export function sumDimension(sizes: readonly Dimension[]): Dimension {
  const total = sizes.reduce<number>((sum, size) => (typeof size === 'number' ? sum + size : sum), 0)
  const names = sizes.filter((size): size is string => typeof size === 'string')
  return names.length === 0 ? total : [...names, ...(total === 0 ? [] : [String(total)])].join('+')
}

/** The value of a dimension once its names are bound; throws a ShapeError for an unbound name. */
export function evaluateDimension(size: Dimension, bindings: ReadonlyMap<string, number>): number {
  if (typeof size === 'number') return size
  const factorValue = (factor: string): number => {
    if (factor.startsWith('(')) return evaluateDimension(factor.slice(1, -1), bindings)
    const value = bindings.get(factor) ?? (/^\d+$/.test(factor) ? Number(factor) : undefined)
    if (value === undefined) throw new ShapeError(`the size '${factor}' is not bound by any input`)
    return value
  }
  return splitOutside(size, '+')
    .map((term) =>
      splitOutside(term, '*')
        .map(factorValue)
        .reduce((product, value) => product * value, 1),
    )
    .reduce((sum, value) => sum + value, 0)
}

/** The parts of a dimension between separators that are not in parentheses. */
function splitOutside(size: string, separator: '+' | '*'): string[] {
  const parts = ['']
  let depth = 0
  for (const character of size) {
    if (character === '(') depth++
    if (character === ')') depth--
    if (character === separator && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts
}
