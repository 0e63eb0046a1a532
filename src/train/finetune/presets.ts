import type { AugmentOptions } from '../../image/augment.js'
import { emojiVision } from '../vision/presets.js'
import type { ViewSettings } from './pictureView.js'
import type { PromptedTokens } from './promptedBatch.js'

interface FinetunePreset {
  /** Side of the pictures in pixels. */
  readonly imageSize: number
  /** Pictures of a step. */
  readonly batch: number
  /** How long: whole passes over the data, or steps. */
  readonly length: { readonly epochs: number } | { readonly steps: number }
  readonly peak: number
  readonly minimum: number
  readonly warmupSteps: number
  readonly betas: readonly [number, number]
  readonly weightDecay: number
  readonly clipNorm?: number
  readonly layerDecay: number
  readonly dropout: number
}

export interface CaptionPreset extends FinetunePreset, PromptedTokens {
  readonly augment: Omit<AugmentOptions, 'size' | 'mean' | 'std'>
  /** Text in front of every caption. */
  readonly prompt: string
}

export interface VqaPreset extends FinetunePreset, PromptedTokens {
  readonly view: ViewSettings
  readonly questionsPerPicture: number
  /** Tokens of the question for the Q-Former (default: as many as the model's captions may have). */
  readonly questionTokens?: number
}

export interface RetrievalPreset extends FinetunePreset {
  readonly augment: Omit<AugmentOptions, 'size' | 'mean' | 'std'>
}

/** The authors' views: a random resized crop and a mirror, nothing turned. */
const PAPER_VIEW = {
  area: [0.5, 1],
  aspect: [3 / 4, 4 / 3],
  flip: 0.5,
  rotation: 0,
  translation: 0,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  hue: 0,
} as const

/** What the paper's fine-tunings have in common (paper, appendix). */
const PAPER = {
  length: { epochs: 5 },
  peak: 1e-5,
  minimum: 0,
  warmupSteps: 1000,
  betas: [0.9, 0.999],
  weightDecay: 0.05,
  dropout: 0.1, // BERT's, which the Q-Former keeps
} as const

/** For the small models: rates are those of their pre-training or less, and gradients are clipped as there. */
const SMALL = { minimum: 1e-5, betas: [0.9, 0.98], weightDecay: 0.05, clipNorm: 1, dropout: 0 } as const

export const CAPTION_PRESETS = {
  paper: {
    ...PAPER,
    imageSize: 364,
    batch: 256,
    layerDecay: 1,
    augment: PAPER_VIEW,
    prompt: 'a photo of',
    tokens: 36,
    promptTokens: 8,
    textTokens: 32,
  },
  /** Captions of scenes or drawings in under 60 minutes on 2 cores. */
  emoji: {
    ...SMALL,
    imageSize: 96,
    batch: 48,
    length: { steps: 1500 },
    peak: 1e-3,
    warmupSteps: 75,
    layerDecay: 0.95,
    // Drawings of scenes say left and right, and name the ground's colour.
    augment: {
      area: [0.97, 1.03],
      aspect: [0.97, 1.03],
      flip: 0,
      rotation: 1,
      translation: 0.01,
      saturation: 0.1,
      hue: 0,
    },
    prompt: 'a photo of',
    tokens: 48,
    promptTokens: 8,
    textTokens: 44,
  },
} as const satisfies Record<string, CaptionPreset>

export const VQA_PRESETS = {
  paper: {
    ...PAPER,
    imageSize: 490,
    batch: 128,
    layerDecay: 0.95,
    view: PAPER_VIEW,
    questionsPerPicture: 1,
    tokens: 42,
    promptTokens: 36,
    textTokens: 10,
  },
  /** Questions about scenes in under 60 minutes on 2 cores: the model of models/emoji-vqa. */
  'emoji-vqa': {
    ...SMALL,
    imageSize: 96,
    batch: 32,
    length: { steps: 1500 },
    peak: 1e-3,
    warmupSteps: 75,
    layerDecay: 0.95,
    view: 'whole',
    questionsPerPicture: 6,
    // The longest of 14,000 questions takes 23 tokens here and 16 there, half of them 14 and 9.
    tokens: 24,
    promptTokens: 20,
    textTokens: 8,
    questionTokens: 16,
  },
} as const satisfies Record<string, VqaPreset>

export const RETRIEVAL_PRESETS = {
  paper: { ...PAPER, imageSize: 364, batch: 224, layerDecay: 0.95, augment: PAPER_VIEW },
  emoji: {
    ...SMALL,
    imageSize: 48,
    batch: 64,
    length: { steps: 1000 },
    peak: 3e-4,
    warmupSteps: 50,
    layerDecay: 0.9,
    augment: emojiVision.augment,
  },
} as const satisfies Record<string, RetrievalPreset>

export type CaptionPresetName = keyof typeof CAPTION_PRESETS
export type VqaPresetName = keyof typeof VQA_PRESETS
export type RetrievalPresetName = keyof typeof RETRIEVAL_PRESETS

/** The settings of a run: a preset over so many pictures, with the command's own steps and seed. */
export function finetuneSettings(
  preset: FinetunePreset,
  pictures: number,
  { steps, seed = 1 }: { readonly steps?: number; readonly seed?: number },
) {
  const { batch, length, peak, minimum, warmupSteps, betas, weightDecay, layerDecay, dropout, clipNorm } = preset
  const own = 'epochs' in length ? Math.max(2, Math.round((length.epochs * pictures) / batch)) : length.steps
  const totalSteps = steps ?? own
  // The same part of another number of steps, and never more than a tenth of a short run.
  const warmup = Math.min(Math.round((warmupSteps / own) * totalSteps), Math.ceil(totalSteps / 10))
  return {
    batch,
    steps: totalSteps,
    schedule: { peak, minimum, start: 1e-8, warmupSteps: warmup, totalSteps },
    betas,
    weightDecay,
    layerDecay,
    dropout,
    seed,
    ...(clipNorm === undefined ? {} : { clipNorm }),
  }
}
