import type { GenerationOptions } from './options.js'

/** What a preset decides; the rest is greedy search's default. */
export type DecodingSettings = Pick<
  GenerationOptions,
  'numBeams' | 'maxNewTokens' | 'minNewTokens' | 'lengthPenalty' | 'repetitionPenalty'
>

interface Preset {
  readonly caption: DecodingSettings & { readonly prompt: string }
  readonly question: DecodingSettings
}

/**
 * Decoding as BLIP-2 was evaluated, by where it is written: in the paper (Li et al. 2023, section 4), or in the
 * authors' released code, LAVIS. They differ, and so do the texts.
 */
export const DECODING_PRESETS = {
  paper: {
    // Section 4.2: beams of 5 after the prompt. What it does not say is the default of the time.
    caption: {
      prompt: 'a photo of',
      numBeams: 5,
      maxNewTokens: 30,
      minNewTokens: 1,
      lengthPenalty: 1,
      repetitionPenalty: 1,
    },
    // Section 4.1: beams of 5 and length penalty -1, for short answers.
    question: { numBeams: 5, maxNewTokens: 10, minNewTokens: 1, lengthPenalty: -1, repetitionPenalty: 1 },
  },
  lavis: {
    // The captioning task's settings.
    caption: {
      prompt: 'a photo of',
      numBeams: 5,
      maxNewTokens: 30,
      minNewTokens: 8,
      lengthPenalty: 0,
      repetitionPenalty: 1.15,
    },
    // Blip2OPT.predict_answers.
    question: { numBeams: 5, maxNewTokens: 10, minNewTokens: 1, lengthPenalty: 0, repetitionPenalty: 1 },
  },
} as const satisfies Record<string, Preset>

export type DecodingPreset = keyof typeof DECODING_PRESETS

export const PRESET_NAMES = Object.keys(DECODING_PRESETS) as readonly DecodingPreset[]

/** For conversations: the defaults of the authors' `generate`. */
export const CHAT_DECODING: DecodingSettings = {
  numBeams: 5,
  maxNewTokens: 30,
  minNewTokens: 1,
  lengthPenalty: 1,
  repetitionPenalty: 1,
}
