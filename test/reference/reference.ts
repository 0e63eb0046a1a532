import type { Shape } from '../../src/graph/index.js'
import type { NdArray } from './ndarray.js'

/** What an operator computes, in float64. `bind` gives the numbers of a shape with named sizes. */
export type Reference = (
  inputs: readonly NdArray[],
  attributes: unknown,
  bind: (shape: Shape) => number[],
) => readonly NdArray[]

/** A reference with its attributes' type; a node always carries the attributes of its own operator. */
export const reference =
  <A>(
    compute: (inputs: readonly NdArray[], attributes: A, bind: (shape: Shape) => number[]) => readonly NdArray[],
  ): Reference =>
  (inputs, attributes, bind) =>
    compute(inputs, attributes as A, bind)

export type ReferenceTable = Readonly<Record<string, Reference>>
