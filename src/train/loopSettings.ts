import type { TrainingTask } from './loop.js'
import { warmupCosine } from './schedule.js'

/** How the small frozen models are trained: AdamW, linear warm-up, then a cosine. */
export interface LoopSettings {
  readonly batch: number
  readonly steps: number
  readonly warmupSteps: number
  readonly peakLearningRate: number
  readonly minimumLearningRate: number
  readonly weightDecay: number
  readonly clipNorm: number
  readonly seed: number
}

/** The settings as the loop takes them. */
export const loopSettings = (
  settings: LoopSettings,
): Pick<TrainingTask, 'steps' | 'samplesPerStep' | 'schedule' | 'weightDecay' | 'clipNorm'> => ({
  steps: settings.steps,
  samplesPerStep: settings.batch,
  schedule: warmupCosine({
    peak: settings.peakLearningRate,
    minimum: settings.minimumLearningRate,
    warmupSteps: settings.warmupSteps,
    totalSteps: settings.steps,
  }),
  weightDecay: settings.weightDecay,
  clipNorm: settings.clipNorm,
})
