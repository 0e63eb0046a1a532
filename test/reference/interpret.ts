import { type ConstantData, evaluateDimension, type Shape, type Tensor } from '../../src/graph/index.js'
import { reachable } from '../../src/graph/verify.js'
import { elementwise } from './elementwise.js'
import { matrix } from './matrix.js'
import type { NdArray } from './ndarray.js'
import { reductions } from './reductions.js'
import type { ReferenceTable } from './reference.js'
import { shape } from './shape.js'

/** A float64 implementation of every operator, written without a look at how the operator is lowered. */
export const references: ReferenceTable = { ...elementwise, ...shape, ...matrix, ...reductions }

/** Computes tensors of a graph in float64. `feeds` gives its inputs and parameters by name. */
export function interpret(outputs: readonly Tensor[], feeds: Readonly<Record<string, NdArray>>): NdArray[] {
  const { nodes, tensors } = reachable(outputs)
  const values = new Map<Tensor, NdArray>()
  const sizes = new Map<string, number>()
  for (const tensor of tensors) {
    const { source } = tensor
    if (source.kind === 'constant') values.set(tensor, fromConstant(source.data, tensor.shape))
    if (source.kind !== 'input' && source.kind !== 'parameter') continue
    const fed = feeds[source.name]
    if (!fed) throw new Error(`nothing was fed for '${source.name}'`)
    values.set(tensor, fed)
    tensor.shape.forEach((size, axis) => {
      if (typeof size === 'string') sizes.set(size, fed.shape[axis]!)
    })
  }
  const bind = (shape: Shape) => shape.map((size) => evaluateDimension(size, sizes))
  for (const { operator, inputs, attributes, outputs, label } of nodes) {
    const compute = references[operator.name]
    if (!compute) throw new Error(`operator ${operator.name} has no reference`)
    const results = compute(
      inputs.map((input) => values.get(input)!),
      attributes,
      bind,
    )
    outputs.forEach((output, i) => {
      const expected = bind(output.shape)
      if (results[i]!.shape.join() !== expected.join())
        throw new Error(
          `${label}: output ${i} is [${results[i]!.shape.join()}], the shape rule says [${expected.join()}]`,
        )
      values.set(output, results[i]!)
    })
  }
  return outputs.map((output) => values.get(output)!)
}

const fromConstant = (data: ConstantData, shape: Shape): NdArray => ({
  shape: shape as readonly number[],
  data: Float64Array.from(data as ArrayLike<number | bigint>, Number),
})
