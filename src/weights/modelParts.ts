import type { GraphWeightsOptions } from './graphWeights.js'
import type { GraphWeights } from './heldWeights.js'
import type { ModelConfig } from './modelConfig.js'

/**
 * The parts of a model. `stage1` serves match, search and embeddings, `stage2` with `language` captions: both stages
 * train a Q-Former of the same names, so a directory of ours has a file for each.
 */
export const MODEL_PARTS = ['vision', 'stage1', 'stage2', 'language'] as const
export type ModelPart = (typeof MODEL_PARTS)[number]

/** The Q-Former's vocabulary and the language model's. */
export type TokenizerName = 'qformer' | 'language'

/** Shape by name, as the model's graph declares its weights. */
export type WantedWeights = ReadonlyMap<string, { readonly shape: readonly number[] }>

/** An opened model: configuration and tokenizers as they are in memory, weights that are read when asked for. */
export interface ModelDirectory {
  readonly path: string
  readonly config: ModelConfig
  /** The parts that are there. */
  readonly parts: ReadonlySet<ModelPart>
  /** The content of a tokenizer.json. @throws DataError for one that is missing or broken. */
  readonly readTokenizer: (tokenizer: TokenizerName) => Promise<object>
  /** A part's weights as float32. Missing, unexpected and wrongly shaped tensors are listed in one WeightsError. */
  readonly load: (part: ModelPart, wanted: WantedWeights) => Promise<Map<string, Float32Array>>
  /**
   * The same for graphs that only run: large weights are mapped from their file and never held twice. Weights that only
   * training needs may be absent.
   */
  readonly open: (part: ModelPart, wanted: WantedWeights, options: GraphWeightsOptions) => Promise<GraphWeights>
  /** The same one at a time, for parts larger than memory. */
  readonly stream: (part: ModelPart, wanted: WantedWeights) => Promise<WeightStream>
}

/** Close it after use, or declare it with `await using`. */
export interface WeightStream extends AsyncDisposable {
  /** The names that are there: weights that only training needs may be absent. */
  readonly names: readonly string[]
  /** Whether the values were widened from fewer bits. */
  readonly isQuantized: boolean
  /** A weight as float32, by our name. */
  readonly read: (name: string) => Promise<Float32Array>
}
