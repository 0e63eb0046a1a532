import type { LanguageTrainingConfig } from './trainLanguage.js'

/** The language model of models/emoji: OPT's form, 3 M parameters. */
export const emojiLanguage: LanguageTrainingConfig = {
  language: {
    vocabularySize: 2048,
    width: 192,
    layers: 6,
    heads: 6,
    feedForward: 768,
    maxPositions: 128,
    layerNormEpsilon: 1e-5,
  },
  length: 128,
  batch: 32,
  steps: 4000,
  warmupSteps: 200,
  peakLearningRate: 1e-3,
  minimumLearningRate: 1e-5,
  weightDecay: 0.05,
  clipNorm: 1,
  validateEvery: 250,
  validationBlocks: 160,
  seed: 1,
}
