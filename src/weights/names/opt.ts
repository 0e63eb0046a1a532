import type { NameLayout, NameRule } from './layout.js'

/** OPTForCausalLM. Its head is tied to the embeddings; checkpoints of the decoder alone lack the prefix `model.`. */
export const optRules: readonly NameRule[] = [
  ['opt_model.model.decoder.embed_tokens.weight', { anyOf: ['(model.)decoder.embed_tokens.weight', 'lm_head.weight'] }],
  ['opt_model.model.decoder.*', '(model.)decoder.*'],
]

/** Hugging Face's OPT (Zhang et al. 2022). */
export const huggingFaceOpt: NameLayout = {
  title: "Hugging Face's OPT",
  mark: '(model.)decoder.embed_positions.weight',
  rules: optRules,
  ignored: [],
}
