import type { TrainingTask } from '../loop.js'
import { type WarmupCosineOptions, warmupCosine } from '../schedule.js'
import { layerDecay } from './layerDecay.js'

/** How the weights are moved in fine-tuning. */
export interface FinetuneSettings {
  /** Pictures of a step. */
  readonly batch: number
  readonly steps: number
  readonly schedule: WarmupCosineOptions
  readonly betas: readonly [number, number]
  readonly weightDecay: number
  /** Largest norm of the gradient (default: any, as in the paper). */
  readonly clipNorm?: number
  /** Each layer of the image encoder learns at this part of the rate of the layer above. */
  readonly layerDecay: number
  readonly dropout: number
  readonly seed: number
}

/** The settings as the loop takes them. @param visionLayers of the image encoder that run */
export const finetuneLoop = (
  { steps, schedule, weightDecay, betas, clipNorm, layerDecay: decay }: FinetuneSettings,
  visionLayers: number,
): Pick<TrainingTask, 'steps' | 'schedule' | 'weightDecay' | 'betas' | 'clipNorm' | 'lrScale'> => ({
  steps,
  schedule: warmupCosine(schedule),
  weightDecay,
  betas,
  ...(clipNorm === undefined ? {} : { clipNorm }),
  lrScale: layerDecay(visionLayers, decay),
})
