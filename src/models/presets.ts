import type { Architecture } from './architectureSpecs.js'
import type { EvaVitConfig } from './evaVit.js'
import type { OptConfig } from './opt.js'
import type { QFormerConfig } from './qformer.js'
import type { T5Config } from './t5.js'
import type { ClipVitConfig } from './vit.js'

/** BERT-base's sizes with 32 queries and cross-attention in every second layer (paper 3.1). */
export const paperQFormer = (encoderWidth: number): QFormerConfig => ({
  vocabularySize: 30_523, // bert-base-uncased and [DEC]
  width: 768,
  layers: 12,
  heads: 12,
  feedForward: 3072,
  maxPositions: 512,
  queries: 32,
  encoderWidth,
  crossAttentionEvery: 2,
  layerNormEpsilon: 1e-12,
})

/** Width of the space that pictures and texts are compared in (authors' code). */
export const PAPER_EMBEDDING_WIDTH = 256

/** The Q-Former of models/emoji. */
export const emojiQFormer = (vocabularySize: number, encoderWidth: number): QFormerConfig => ({
  vocabularySize,
  width: 192,
  layers: 4,
  heads: 6,
  feedForward: 768,
  maxPositions: 32,
  queries: 8,
  encoderWidth,
  crossAttentionEvery: 1,
  layerNormEpsilon: 1e-12,
})

const PAPER_IMAGE_SIZE = 224

/** Normalisation of pixels in 0..1: CLIP's, for both encoders (authors' code). */
export const CLIP_PIXELS: Readonly<Record<'mean' | 'std', [number, number, number]>> = {
  mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
  std: [0.268_629_54, 0.261_302_58, 0.275_777_11],
}

/** EVA-CLIP's ViT-g/14 without its last layer (paper 3.1). */
export const evaVitG = (imageSize: number = PAPER_IMAGE_SIZE): EvaVitConfig => ({
  imageSize,
  patchSize: 14,
  width: 1408,
  layers: 39,
  heads: 16,
  feedForward: 6144,
  layerNormEpsilon: 1e-6,
})

/** CLIP's ViT-L/14 without its last layer (paper 3.1). */
export const clipVitL = (imageSize: number = PAPER_IMAGE_SIZE): ClipVitConfig => ({
  imageSize,
  patchSize: 14,
  width: 1024,
  layers: 23,
  heads: 16,
  feedForward: 4096,
  layerNormEpsilon: 1e-5,
})

const optOf = (width: number, layers: number, heads: number): OptConfig => ({
  vocabularySize: 50_272,
  width,
  layers,
  heads,
  feedForward: 4 * width,
  maxPositions: 2048,
  layerNormEpsilon: 1e-5,
})

/** The released sizes of OPT (Zhang et al. 2022, table 1). */
export const OPT_SIZES = {
  '125m': optOf(768, 12, 12),
  '350m': { ...optOf(1024, 24, 16), embeddingWidth: 512, postNorm: true },
  '1.3b': optOf(2048, 24, 32),
  '2.7b': optOf(2560, 32, 32),
  '6.7b': optOf(4096, 32, 32),
  '13b': optOf(5120, 40, 40),
  '30b': optOf(7168, 48, 56),
  '66b': optOf(9216, 64, 72),
} as const satisfies Record<string, OptConfig>

const flanT5Of = (width: number, layers: number, heads: number, feedForward: number): T5Config => ({
  vocabularySize: 32_128,
  width,
  encoderLayers: layers,
  decoderLayers: layers,
  heads,
  headSize: 64,
  feedForward,
  relativeBuckets: 32,
  relativeMaxDistance: 128,
  layerNormEpsilon: 1e-6,
  gelu: 'exact', // as the authors run it
})

/** The released sizes of Flan-T5 (Chung et al. 2022), which are those of T5 1.1. */
export const FLAN_T5_SIZES = {
  small: flanT5Of(512, 8, 6, 1024),
  base: flanT5Of(768, 12, 12, 2048),
  large: flanT5Of(1024, 24, 16, 2816),
  xl: flanT5Of(2048, 24, 32, 5120),
  xxl: flanT5Of(4096, 24, 64, 10_240),
} as const satisfies Record<string, T5Config>

const withVitG = (language: Architecture['language']): Architecture => ({
  vision: { kind: 'eva', ...evaVitG() },
  qformer: paperQFormer(evaVitG().width),
  visionLayerNormEpsilon: 1e-5,
  language,
})

const withVitL = (language: Architecture['language']): Architecture => ({
  vision: { kind: 'clip', ...clipVitL() },
  qformer: paperQFormer(clipVitL().width),
  visionLayerNormEpsilon: 1e-5,
  language,
})

/** The models of the paper's table 2: the released ones with ViT-g, and those with ViT-L. */
export const ARCHITECTURES = {
  'blip2-opt-2.7b': withVitG({ kind: 'opt', ...OPT_SIZES['2.7b'] }),
  'blip2-opt-6.7b': withVitG({ kind: 'opt', ...OPT_SIZES['6.7b'] }),
  'blip2-flan-t5-xl': withVitG({ kind: 't5', ...FLAN_T5_SIZES.xl }),
  'blip2-flan-t5-xxl': withVitG({ kind: 't5', ...FLAN_T5_SIZES.xxl }),
  'blip2-vit-l-opt-2.7b': withVitL({ kind: 'opt', ...OPT_SIZES['2.7b'] }),
  'blip2-vit-l-flan-t5-xl': withVitL({ kind: 't5', ...FLAN_T5_SIZES.xl }),
} as const satisfies Record<string, Architecture>
