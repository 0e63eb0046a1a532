import type { ParameterSpec } from '../nn/scope.js'
import { defaultCacheDirectory } from '../weights/cacheDirectory.js'
import { openGraphWeights } from '../weights/graphWeights.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import type { NameLayout } from '../weights/names/layout.js'
import { planWeights } from '../weights/names/plan.js'
import { openTensors } from '../weights/openTensors.js'
import type { TensorTable } from '../weights/safetensors/types.js'

/**
 * Opens the weights of a directory of Hugging Face's for graphs, strictly.
 * @param layout The names of the checkpoint, which may depend on what it holds.
 * @param wanted What the graphs declare.
 * @throws WeightsError that lists what is missing, unexpected and wrongly shaped.
 */
export async function openDirectoryWeights(
  path: string,
  layout: (table: TensorTable) => NameLayout,
  wanted: ReadonlyMap<string, ParameterSpec>,
): Promise<GraphWeights> {
  await using table = await openTensors(path)
  const shapes = new Map([...wanted.values()].map(({ name, shape }) => [name, shape]))
  return await openGraphWeights(table, planWeights(table, layout(table), shapes), {
    cacheDirectory: defaultCacheDirectory(),
  })
}
