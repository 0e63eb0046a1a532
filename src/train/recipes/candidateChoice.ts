import type { ModelConfig } from '../../weights/modelDirectory.js'
import { PRETRAIN_PRESETS, type PretrainPresetName } from '../pretrain/presets.js'

/** The configuration of a trained stage 1: it re-ranks as its preset says, not as the model whose sizes it has. */
export function withItcWeight({ itcWeight: _, ...config }: ModelConfig, preset: PretrainPresetName): ModelConfig {
  const { choice } = PRETRAIN_PRESETS[preset]
  return choice ? { ...config, itcWeight: choice.itcWeight } : config
}

/** The configuration of a trained stage 2: stage 1 picks its captions where there is one and the preset says so. */
export function withCandidates(config: ModelConfig, preset: PretrainPresetName, hasStage1: boolean): ModelConfig {
  const { choice } = PRETRAIN_PRESETS[preset]
  const { generation, ...plain } = withoutCandidates(config)
  if (!choice || !hasStage1) return { ...plain, generation }
  const { candidates, languageWeight } = choice
  return { ...plain, generation: { ...generation, candidates, languageWeight } }
}

/** Of a model without stage 1, which would pick them. */
export function withoutCandidates(config: ModelConfig): ModelConfig {
  const { candidates: _, languageWeight: __, ...generation } = config.generation
  return { ...config, generation }
}
