import { backward, type Tensor } from '../../src/graph/index.js'
import type { ParameterSpec } from '../../src/nn/scope.js'
import { float32, type Value } from '../../src/runtime/index.js'
import { evaluate } from './evaluate.js'
import type { Values } from './fixture.js'

/** Runs the outputs, and the dense gradient of the loss for each weight as 'prefix.NAME'. */
export async function evaluateWithGradients(
  outputs: Record<string, Tensor>,
  loss: Tensor,
  specs: ReadonlyMap<string, ParameterSpec>,
  prefix: string,
  feeds: Values,
): Promise<Values> {
  const { graph } = loss
  const weights = [...specs.keys()].map((name) => graph.parameters.get(name)!)
  const gradients = backward(loss, weights)
  const all: Record<string, Tensor> = { ...outputs }
  for (const [weight, { dense, rows }] of gradients) {
    const name = nameOf(weight)
    if (dense) all[`dense ${name}`] = dense
    rows.forEach(({ ids, values }, i) => {
      all[`ids ${i} ${name}`] = ids
      all[`rows ${i} ${name}`] = values
    })
  }
  const results = await evaluate(all, feeds)
  const values: Values = Object.fromEntries(Object.keys(outputs).map((name) => [name, results[name]!]))
  for (const [weight, { rows }] of gradients) {
    const name = nameOf(weight)
    const shape = weight.shape as readonly number[]
    const dense = (results[`dense ${name}`]?.data as Float32Array | undefined)?.slice()
    const total = dense ?? new Float32Array(shape.reduce((product, size) => product * size, 1))
    for (const i of rows.keys()) addRows(total, shape[1]!, results[`ids ${i} ${name}`]!, results[`rows ${i} ${name}`]!)
    values[`${prefix}.${name}`] = float32(shape, total)
  }
  return values
}

function addRows(table: Float32Array, width: number, ids: Value, rows: Value): void {
  ids.data.forEach((id, row) => {
    for (let i = 0; i < width; i++) table[Number(id) * width + i]! += Number(rows.data[row * width + i])
  })
}

function nameOf(weight: Tensor): string {
  if (weight.source.kind !== 'parameter') throw new Error('a gradient was asked for something that is not a weight')
  return weight.source.name
}
