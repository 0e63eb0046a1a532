import type { LanguageConfig } from '../../models/blip2.js'
import {
  CLIP_PIXELS,
  clipVitL,
  evaVitG,
  FLAN_T5_SIZES,
  OPT_SIZES,
  PAPER_EMBEDDING_WIDTH,
  paperQFormer,
} from '../../models/presets.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import type { OptimizationConfig } from './optimization.js'
import type { StagePreset } from './presets.js'

/**
 * Random resized crop and horizontal flip (paper 3.4), nothing else; the crop shows half of the area or more, of 3/4 to
 * 4/3 in shape, as in the authors' code.
 */
const AUGMENT: OptimizationConfig['augment'] = {
  area: [0.5, 1],
  aspect: [3 / 4, 4 / 3],
  flip: 0.5,
  rotation: 0,
  translation: 0,
  whiteGround: 1,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  hue: 0,
  grayscale: 0,
  invert: 0,
}

/** Dropout of the Q-Former: BERT's, which the authors keep. */
const DROPOUT = 0.1

/** Section 3.4. The gradient is not clipped. Stage 1's minimum and the rate of step 0 are those of the authors' code. */
const stage = (batch: number, steps: number, minimum: number): StagePreset => ({
  optimization: {
    batch,
    steps,
    schedule: { peak: 1e-4, minimum, start: 1e-6, warmupSteps: 2000, totalSteps: steps },
    betas: [0.9, 0.98],
    weightDecay: 0.05,
    augment: AUGMENT,
    seed: 42, // authors' code
  },
  dropout: DROPOUT,
})

const stage1 = (batch: number): StagePreset => stage(batch, 250_000, 1e-5)
const stage2 = (batch: number): StagePreset => stage(batch, 80_000, 5e-5)

/** Pre-training as the paper did it, with CLIP's ViT-L/14 or EVA-CLIP's ViT-g/14 (section 3.4). */
export const PAPER_PRESETS = {
  'paper-vit-l': { stage1: stage1(2320), stage2: stage2(1920), stage2T5: stage2(1520) },
  'paper-vit-g': { stage1: stage1(1680), stage2: stage2(1920), stage2T5: stage2(1520) },
} as const
export type PaperPresetName = keyof typeof PAPER_PRESETS

/** The frozen language models of the paper. */
export const PAPER_LANGUAGE_MODELS = {
  'opt-2.7b': { kind: 'opt', ...OPT_SIZES['2.7b'] },
  'opt-6.7b': { kind: 'opt', ...OPT_SIZES['6.7b'] },
  'flan-t5-xl': { kind: 't5', ...FLAN_T5_SIZES.xl },
  'flan-t5-xxl': { kind: 't5', ...FLAN_T5_SIZES.xxl },
} as const satisfies Record<string, LanguageConfig>

/** All sizes of a model of the paper; its text has 32 tokens (authors' code). */
export function paperModelConfig(preset: PaperPresetName, language: LanguageConfig): ModelConfig {
  const vision =
    preset === 'paper-vit-l' ? ({ kind: 'clip', ...clipVitL() } as const) : ({ kind: 'eva', ...evaVitG() } as const)
  return {
    format: 'blip2',
    version: 1,
    vision: { ...vision, standardizedFeatures: false, featurePlaces: 0 },
    mean: [...CLIP_PIXELS.mean],
    std: [...CLIP_PIXELS.std],
    qformer: { ...paperQFormer(vision.width) },
    visionLayerNormEpsilon: 1e-5,
    embeddingWidth: PAPER_EMBEDDING_WIDTH,
    language: { ...language },
    text: { maxTokens: 32, decoderToken: 30_522, padToken: 0 },
    generation: { prompt: '', maxNewTokens: 32, numBeams: 5, lengthPenalty: 1, repetitionPenalty: 1 },
  }
}

export const isPaperPreset = (name: string): name is PaperPresetName => Object.hasOwn(PAPER_PRESETS, name)
