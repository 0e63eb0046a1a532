import type { VisionTrainingConfig } from './trainVision.js'

/** The encoder of models/emoji: 48 pixels in 36 patches; drawings are made to be read at such sizes. */
export const emojiVision: VisionTrainingConfig = {
  vision: { imageSize: 48, patchSize: 8, width: 192, layers: 6, heads: 6, feedForward: 768, layerNormEpsilon: 1e-5 },
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  extraVendors: ['emojione-monotone', 'fluent-high-contrast'],
  augment: {
    area: [0.75, 1.15],
    aspect: [0.87, 1.15],
    rotation: 8,
    hue: 0.02,
    saturation: 0.3,
    brightness: 0.15,
    contrast: 0.2,
    grayscale: 0.05,
    invert: 0.02,
  },
  batch: 128,
  steps: 4000,
  warmupSteps: 100,
  peakLearningRate: 1e-3,
  minimumLearningRate: 1e-5,
  weightDecay: 0.05,
  clipNorm: 1,
  scale: 10,
  labelSmoothing: 0.1,
  weights: { pairs: 1, concepts: 1, groups: 0.3, tones: 0.2 },
  classToken: 0.5,
  validateEvery: 250,
  seed: 1,
}
