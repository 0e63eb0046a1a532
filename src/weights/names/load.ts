import { WeightsError } from '../../errors.js'
import type { WeightStream } from '../modelParts.js'
import type { TensorTable } from '../safetensors/types.js'
import { type PlannedTensor, sourcesOf, type WeightsPlan } from './plan.js'

/**
 * Reads planned weights as float32, after checking that tied tensors hold the same values.
 * @param names Names of ours to read. Default: all of the plan.
 * @throws WeightsError where tied tensors differ, or a name is not in the plan.
 */
export async function loadPlanned(
  table: TensorTable,
  plan: WeightsPlan,
  names: Iterable<string> = plan.tensors.keys(),
): Promise<Map<string, Float32Array>> {
  const chosen = [...names].map((name) => [name, planned(table, plan, name)] as const)
  await checkTies(
    table,
    plan,
    chosen.map(([, tensor]) => tensor),
  )
  const loaded = new Map<string, Float32Array>()
  for (const [name, tensor] of chosen) loaded.set(name, await assemble(table, tensor))
  return loaded
}

/** Planned weights one at a time. The table is closed with the stream, or where planning fails. */
export async function streamPlanned(
  table: TensorTable & AsyncDisposable,
  makePlan: (table: TensorTable) => WeightsPlan,
): Promise<WeightStream> {
  try {
    const plan = makePlan(table)
    await checkTies(table, plan)
    return {
      names: [...plan.tensors.keys()],
      isQuantized: false,
      read: (name) => assemble(table, planned(table, plan, name)),
      [Symbol.asyncDispose]: () => table[Symbol.asyncDispose](),
    }
  } catch (error) {
    await table[Symbol.asyncDispose]()
    throw error
  }
}

function planned({ path }: TensorTable, plan: WeightsPlan, name: string): PlannedTensor {
  const tensor = plan.tensors.get(name)
  if (tensor === undefined) throw new WeightsError(`${path}: the plan has no tensor ${JSON.stringify(name)}`)
  return tensor
}

/** One planned tensor's values. */
export async function assemble(table: TensorTable, { shape, assembly }: PlannedTensor): Promise<Float32Array> {
  if (assembly.kind === 'whole') return await table.readFloat32(assembly.source)
  const count = elements(shape)
  if (assembly.kind === 'part') {
    const all = await table.readFloat32(assembly.source)
    return all.slice(assembly.part * count, (assembly.part + 1) * count)
  }
  const values = new Float32Array(count)
  let start = 0
  for (const source of assembly.sources) {
    const end = start + elements(table.tensor(source).shape)
    await table.readFloat32(source, values.subarray(start, end))
    start = end
  }
  return values
}

/**
 * A checkpoint whose tied tensors differ was trained otherwise than the model computes: a WeightsError.
 * @param chosen Planned tensors whose ties are checked. Default: all.
 */
export async function checkTies(
  table: TensorTable,
  { tensors, ties }: WeightsPlan,
  chosen: Iterable<PlannedTensor> = tensors.values(),
): Promise<void> {
  const sources = new Set([...chosen].flatMap(({ assembly }) => sourcesOf(assembly)))
  for (const [kept, other] of ties)
    if (sources.has(kept) && !(await holdsSame(table, kept, other)))
      throw new WeightsError(
        `${table.path}: ${kept} and ${other} should be one tensor but hold different values; this model is not supported`,
      )
}

async function holdsSame(table: TensorTable, one: string, other: string): Promise<boolean> {
  const [a, b] = [table.tensor(one), table.tensor(other)]
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false
  const samePlace = a.file === b.file && a.byteOffset === b.byteOffset && a.strides?.join() === b.strides?.join()
  return samePlace || sameBytes(await table.readRaw(one), await table.readRaw(other))
}

// Not Buffer's, which browsers do not have.
function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)
