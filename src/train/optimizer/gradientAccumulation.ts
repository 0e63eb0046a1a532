import type { ParameterMemory } from './parameterMemory.js'

type Losses = Record<string, number>

/**
 * One step in several passes, each over a part of its samples: losses and gradients, which are left in the memory, are
 * the means over the passes. More than one takes another 4 bytes a parameter.
 * @param pass Computes the losses of a part, and its gradients into the memory.
 */
export async function accumulate(
  memory: ParameterMemory,
  passes: number,
  pass: (part: number) => Promise<Losses>,
): Promise<Losses> {
  if (passes === 1) return pass(0)
  const [gradients, sums] = [memory.arenas('gradient'), memory.gradientSums]
  // Of the last step's sum a pass would keep the rows that it does not look up itself.
  memory.zeroGradients()
  for (const sum of sums) sum.fill(0)
  const means: Losses = {}
  for (let part = 0; part < passes; part++) {
    for (const [name, loss] of Object.entries(await pass(part))) means[name] = (means[name] ?? 0) + loss / passes
    for (const [bank, sum] of sums.entries()) addShare(sum, gradients[bank]!, passes)
  }
  for (const [bank, sum] of sums.entries()) gradients[bank]!.set(sum)
  return means
}

function addShare(sum: Float32Array, gradients: Float32Array, passes: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += gradients[i]! / passes
}
