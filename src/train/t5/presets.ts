import type { T5TrainingConfig } from './trainT5.js'

/** The language model of models/emoji-t5: Flan-T5's form, 3.7 M parameters. */
export const emojiT5: T5TrainingConfig = {
  language: {
    vocabularySize: 2064,
    width: 192,
    encoderLayers: 3,
    decoderLayers: 3,
    heads: 6,
    headSize: 32,
    feedForward: 448,
    relativeBuckets: 32,
    relativeMaxDistance: 128,
    layerNormEpsilon: 1e-6,
    gelu: 'exact',
  },
  inputTokens: 80,
  outputTokens: 24,
  instructionsFrom: 0.5,
  batch: 48,
  steps: 4000,
  warmupSteps: 200,
  peakLearningRate: 2e-3,
  minimumLearningRate: 2e-5,
  weightDecay: 0.05,
  clipNorm: 1,
  seed: 1,
}
