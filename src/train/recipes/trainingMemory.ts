import type { Tensor } from '../../graph/index.js'
import { liveBytes, tensorBytes } from '../../graph/liveBytes.js'
import { parameterCount } from '../../models/architectureSpecs.js'
import type { ParameterSpec } from '../../nn/scope.js'
import { weightBits } from '../../quantize/weightBits.js'
import { LARGEST_IN_MEMORY } from '../../weights/graphWeights.js'
import { storedBytes, type WeightBits } from '../../weights/quantize/format.js'
import { type DrawingOptions, type DrawnTraining, drawTraining, type TrainedArchitecture } from './drawnTraining.js'

export interface MemoryOptions extends DrawingOptions {
  /** How the frozen language model is computed (default: float32). */
  readonly languageDtype?: 'float32' | 'q8'
}

/** Bytes in memory of one process that has the whole batch. */
export interface TrainingMemory {
  readonly trainedParameters: number
  /** Values, gradients and two moments of what is trained; with several passes the gradients' sum too. */
  readonly optimizer: number
  /** The frozen components as the runtime holds them: the pages of a file, or its own copy; small ones read besides. */
  readonly frozen: number
  /** What the encoder's run over a pass holds, the pictures of the batch, and what it gives. */
  readonly encoder: number
  /** Of `encoder`, the pictures and features of the batch: as much however small the passes are. */
  readonly features: number
  /** What a pass holds between its forward and its backward part, and what it gives. */
  readonly step: number
  /** Node, the runtime and this package. */
  readonly program: number
  readonly peak: number
}

const FLOAT = 4
/** Value, gradient and two moments. */
const OPTIMIZER_FLOATS = 4
/** Assumed: Node with this package, the runtime and a reader of pictures. */
const PROGRAM_BYTES = 300e6

/** What training a stage takes, from the sizes alone: its graphs are drawn, and their values counted. */
export const trainingMemory = (config: TrainedArchitecture, options: MemoryOptions): TrainingMemory =>
  memoryOf(config, drawTraining(config, options), options)

/** The same of graphs that are drawn. */
export function memoryOf(
  config: TrainedArchitecture,
  { encoder: { images, features }, vectors = [], step, specs }: DrawnTraining,
  { accumulate = 1, languageDtype = 'float32' }: MemoryOptions,
): TrainingMemory {
  const trainedParameters = parameterCount(specs.trained)
  const optimizer = FLOAT * (OPTIMIZER_FLOATS + (accumulate > 1 ? 1 : 0)) * trainedParameters
  const bits = weightBits(config, { languageModel: languageDtype })
  const frozen = frozenBytes(specs.vision, bits) + frozenBytes(specs.language, bits)
  const batch = accumulate * bytesOf([images, features])
  const encoder = liveBytes([features]) + batch
  const stepBytes = liveBytes(step.outputs) + bytesOf(step.rows) + liveBytes(vectors)
  return {
    trainedParameters,
    optimizer,
    frozen,
    encoder,
    features: batch,
    step: stepBytes,
    program: PROGRAM_BYTES,
    // The arenas of all graphs stay, as large as they have been.
    peak: optimizer + frozen + encoder + stepBytes + PROGRAM_BYTES,
  }
}

/** What is mapped from a file is there once: as the file's pages, or repacked, after which they are let go. */
function frozenBytes(specs: ReadonlyMap<string, ParameterSpec>, bits: (name: string) => WeightBits): number {
  const stored = [...specs.values()].reduce((sum, { name, shape }) => sum + storedBytes(shape, bits(name)), 0)
  const floats = FLOAT * parameterCount(specs)
  return stored === floats && floats < LARGEST_IN_MEMORY ? 2 * floats : stored
}

const bytesOf = (tensors: readonly Tensor[]): number => tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
