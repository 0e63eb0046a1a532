import { emojiVision } from '../vision/presets.js'
import type { OptimizationConfig } from './optimization.js'
import { PAPER_PRESETS } from './paperPresets.js'

export interface StagePreset {
  readonly optimization: OptimizationConfig
  readonly dropout: number
  /** Of stage 1, see Stage1TrainingConfig. Default 0. */
  readonly distractors?: number
}

interface PretrainPreset {
  readonly stage1: StagePreset
  readonly stage2: StagePreset
  /** With a language model in T5's form, where that differs. */
  readonly stage2T5?: StagePreset
  readonly choice?: CandidateChoice
}

/** How a trained model picks among candidates, where it does not do so as the authors' do (see ModelConfig). */
export interface CandidateChoice {
  readonly itcWeight: number
  /** Captions that stage 1 picks from, in models with both stages. */
  readonly candidates: number
  /** Part of the language model's score in that. */
  readonly languageWeight: number
}

const emoji = (steps: { stage1: number; stage2: number }): PretrainPreset => ({
  stage1: { optimization: optimization(steps.stage1, 1e-3), dropout: 0 },
  stage2: { optimization: optimization(steps.stage2, 1e-3), dropout: 0 },
})

/** Rates are ten times the paper's: the model is a fiftieth in width times depth, and starts from nothing. */
function optimization(steps: number, peak: number): OptimizationConfig {
  return {
    batch: 64,
    steps,
    schedule: { peak, minimum: 1e-5, start: 1e-6, warmupSteps: Math.round(steps / 20), totalSteps: steps },
    betas: [0.9, 0.98], // paper 3.4
    weightDecay: 0.05,
    clipNorm: 1,
    augment: emojiVision.augment,
    seed: 1,
  }
}

const presets = {
  /** The one of models/emoji: both stages in under 90 minutes on 2 cores. */
  emoji: { ...emoji({ stage1: 3000, stage2: 2500 }), choice: { itcWeight: 10, candidates: 32, languageWeight: 0.5 } },
  /** Both stages in under 5 minutes on 2 cores. */
  'emoji-quick': emoji({ stage1: 160, stage2: 120 }),
  ...PAPER_PRESETS,
} as const satisfies Record<string, PretrainPreset>
export type PretrainPresetName = keyof typeof presets
export const PRETRAIN_PRESETS: Readonly<Record<PretrainPresetName, PretrainPreset>> = presets
