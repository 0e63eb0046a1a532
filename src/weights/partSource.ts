import { type GraphWeightsOptions, openGraphWeights } from './graphWeights.js'
import type { GraphWeights } from './heldWeights.js'
import type { ModelDirectory, ModelPart, WantedWeights, WeightStream } from './modelParts.js'
import type { NameLayout } from './names/layout.js'
import { loadPlanned, streamPlanned } from './names/load.js'
import { planWeights, type WeightsPlan } from './names/plan.js'
import { explainLayout } from './names/recognize.js'
import type { TensorTable } from './safetensors/types.js'

/** The weights of one part of a model, wherever they lie, read when asked for: the methods of a ModelDirectory for it. */
export interface PartSource {
  readonly load: (wanted: WantedWeights) => Promise<Map<string, Float32Array>>
  readonly open: (wanted: WantedWeights, options: GraphWeightsOptions) => Promise<GraphWeights>
  readonly stream: (wanted: WantedWeights) => Promise<WeightStream>
}

/** A part that is never held as a whole, however large it is: where it lies, and the shapes of its weights. */
export interface FrozenPart {
  readonly source: PartSource
  readonly wanted: WantedWeights
}

export interface CheckpointPart {
  /** Opens the checkpoint, which is closed after each use. */
  readonly openTable: () => Promise<TensorTable & AsyncDisposable>
  readonly layout: NameLayout
  /** Patterns of the checkpoint's names that belong to other parts. */
  readonly ignore?: readonly string[]
  /** Patterns of our names that only training needs: a model that only runs may lack them. */
  readonly onlyTrained?: readonly string[]
}

/** A part that a checkpoint of another layout holds. Every method throws a WeightsError that lists what does not fit. */
export function checkpointPart({ openTable, layout, ignore = [], onlyTrained = [] }: CheckpointPart): PartSource {
  const plan = (table: TensorTable, wanted: WantedWeights, optional: readonly string[]): WeightsPlan => {
    try {
      return planWeights(table, layout, shapesOf(wanted), { ignore, optional })
    } catch (error) {
      throw explainLayout(error, table, layout)
    }
  }
  return {
    load: async (wanted) => {
      await using table = await openTable()
      return await loadPlanned(table, plan(table, wanted, []))
    },
    open: async (wanted, options) => {
      await using table = await openTable()
      return await openGraphWeights(table, plan(table, wanted, onlyTrained), options)
    },
    stream: async (wanted) => streamPlanned(await openTable(), (table) => plan(table, wanted, onlyTrained)),
  }
}

/** A part of a model directory. */
export const partOf = (directory: ModelDirectory, part: ModelPart): PartSource => ({
  load: (wanted) => directory.load(part, wanted),
  open: (wanted, options) => directory.open(part, wanted, options),
  stream: (wanted) => directory.stream(part, wanted),
})

const shapesOf = (wanted: WantedWeights) => new Map([...wanted].map(([name, { shape }]) => [name, shape]))
