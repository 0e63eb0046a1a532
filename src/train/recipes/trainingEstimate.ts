import { operationCount } from '../../graph/operationCount.js'
import { parameterCount } from '../../models/architectureSpecs.js'
import { drawTraining, type TrainedArchitecture } from './drawnTraining.js'
import { type MemoryOptions, memoryOf } from './trainingMemory.js'

/** What a training is estimated for. */
export interface EstimatedTraining extends MemoryOptions {
  readonly config: TrainedArchitecture
  readonly steps: number
}

/** Bytes by what they are for. */
export type Bytes = Readonly<Record<string, number>>

export interface TrainingEstimate {
  readonly parameters: { readonly vision: number; readonly trained: number; readonly language: number }
  /** Bytes in memory of one process that has the whole batch. */
  readonly memory: Bytes
  /** Bytes of memory that do not become less with more passes. */
  readonly fixedMemory: number
  /** Bytes that a run writes. */
  readonly disk: Bytes
  /** Floating-point operations of the whole run. */
  readonly operations: number
}

const FLOAT = 4
const HALF = 2
/** A checkpoint holds values and moments; two are there while the next one is written. */
const CHECKPOINT_FLOATS = 3
const CHECKPOINTS = 2

/** What a training takes here: its graphs are drawn, their values and operations counted. */
export function estimateTraining({ config, steps, ...options }: EstimatedTraining): TrainingEstimate {
  const { accumulate = 1 } = options
  const drawn = drawTraining(config, options)
  const { encoder, vectors = [], step, specs } = drawn
  const memory = memoryOf(config, drawn, options)
  const parameters = {
    vision: parameterCount(specs.vision),
    trained: memory.trainedParameters,
    language: parameterCount(specs.language),
  }
  const ofPass = operationCount([encoder.features]) + operationCount(vectors) + operationCount(step.outputs)
  return {
    parameters,
    memory: {
      'frozen weights, as the runtime has them': memory.frozen,
      'trained weights, gradients, moments': memory.optimizer,
      'pictures and features of a batch': memory.features,
      'working memory of the encoder': memory.encoder - memory.features,
      'working memory of a step': memory.step,
      'the program': memory.program,
    },
    fixedMemory: memory.frozen + memory.optimizer + memory.features + memory.program,
    disk: {
      checkpoints: FLOAT * CHECKPOINT_FLOATS * CHECKPOINTS * parameters.trained,
      'the finished model': HALF * (parameters.vision + parameters.trained + parameters.language),
    },
    operations: steps * accumulate * ofPass,
  }
}

export const total = (bytes: Bytes): number => Object.values(bytes).reduce((sum, value) => sum + value, 0)
