import type { Architecture } from '../models/architectureSpecs.js'
import { ARCHITECTURES } from '../models/presets.js'

const tiny = {
  vision: {
    kind: 'eva',
    imageSize: 28,
    patchSize: 14,
    width: 64,
    layers: 2,
    heads: 2,
    feedForward: 128,
    layerNormEpsilon: 1e-6,
  },
  qformer: {
    vocabularySize: 64,
    width: 32,
    layers: 2,
    heads: 2,
    feedForward: 64,
    maxPositions: 32,
    queries: 4,
    encoderWidth: 64,
    crossAttentionEvery: 2,
    layerNormEpsilon: 1e-12,
  },
  visionLayerNormEpsilon: 1e-5,
} as const

/**
 * Models that `synthesize` can write: the released ones, and one of each kind that is small enough for a test. Hugging
 * Face's BLIP-2 has no form for CLIP's encoder, so those with ViT-L are not among them.
 */
export const SYNTH_PRESETS = {
  'tiny-opt': {
    ...tiny,
    language: {
      kind: 'opt',
      vocabularySize: 320,
      width: 64,
      layers: 2,
      heads: 2,
      feedForward: 128,
      maxPositions: 64,
      layerNormEpsilon: 1e-5,
    },
  },
  'tiny-t5': {
    ...tiny,
    language: {
      kind: 't5',
      vocabularySize: 160,
      width: 64,
      encoderLayers: 2,
      decoderLayers: 2,
      heads: 2,
      headSize: 32,
      feedForward: 96,
      relativeBuckets: 8,
      relativeMaxDistance: 16,
      layerNormEpsilon: 1e-6,
      gelu: 'exact',
    },
  },
  'blip2-opt-2.7b': ARCHITECTURES['blip2-opt-2.7b'],
  'blip2-opt-6.7b': ARCHITECTURES['blip2-opt-6.7b'],
  'blip2-flan-t5-xl': ARCHITECTURES['blip2-flan-t5-xl'],
  'blip2-flan-t5-xxl': ARCHITECTURES['blip2-flan-t5-xxl'],
} as const satisfies Readonly<Record<string, Architecture>>

export type SynthPreset = keyof typeof SYNTH_PRESETS
