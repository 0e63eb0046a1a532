import type { WeightSource } from '../../graph/index.js'
import type { openGraphWeights as openInNode } from '../../weights/graphWeights.js'
import { findWeight, type GraphWeights, heldWeights } from '../../weights/heldWeights.js'
import { assemble, checkTies, loadPlanned } from '../../weights/names/load.js'
import type { PlannedTensor, WeightsPlan } from '../../weights/names/plan.js'
import type { TensorTable } from '../../weights/safetensors/types.js'
import { writeFile } from './files.js'
import { join } from './paths.js'

const LARGEST_EMBEDDED = 2 ** 28
const FLOAT_BYTES = 4
const WEIGHTS_FILE = 'weights'

let parts = 0

/**
 * What stands for src/weights/graphWeights.ts in the browser's bundle. Weights are read into memory as float32. Those
 * of a large part lie in one array, which every graph reads from: a copy in each graph's bytes would be too much.
 */
export const openGraphWeights: typeof openInNode = async (table, plan) => {
  const bytes = [...plan.tensors.values()].reduce((total, tensor) => total + bytesOf(tensor), 0)
  if (bytes < LARGEST_EMBEDDED) return heldWeights(await loadPlanned(table, plan))
  await checkTies(table, plan)
  return layOut(table, plan, bytes)
}

async function layOut(table: TensorTable, { tensors }: WeightsPlan, bytes: number): Promise<GraphWeights> {
  const all = new Float32Array(bytes / FLOAT_BYTES)
  const places = new Map<string, WeightSource>()
  let offset = 0
  for (const [name, tensor] of tensors) {
    all.set(await assemble(table, tensor), offset / FLOAT_BYTES)
    const length = bytesOf(tensor)
    places.set(name, { kind: 'external', dtype: 'float32', location: WEIGHTS_FILE, offset, length })
    offset += length
  }
  const directory = `memory:/${parts++}`
  await writeFile(join(directory, WEIGHTS_FILE), new Uint8Array(all.buffer))
  return { weight: (name) => findWeight(places, name), weightDirectory: directory, prepack: false }
}

const bytesOf = ({ shape }: PlannedTensor): number => FLOAT_BYTES * shape.reduce((product, size) => product * size, 1)
