import type { NameLayout, NameRule } from './layout.js'

/** T5ForConditionalGeneration: encoder and decoder share the embeddings; version 1.1 has a head of its own. */
export const t5Rules: readonly NameRule[] = [
  [
    't5_model.shared.weight',
    { anyOf: ['shared.weight', 'encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'] },
  ],
  ['t5_model.*', '*'],
]

/** In some conversions of the original T5; cross-attention has no relative positions. */
export const T5_UNUSED_BIAS = 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight'

/** Hugging Face's T5 1.1 and Flan-T5. */
export const huggingFaceT5: NameLayout = {
  title: "Hugging Face's T5",
  mark: 'encoder.block.0.layer.0.SelfAttention.q.weight',
  rules: t5Rules,
  ignored: [[T5_UNUSED_BIAS, 'cross-attention has no relative positions']],
}
