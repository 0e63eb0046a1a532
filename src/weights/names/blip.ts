import { evaVisionRules } from './blip2.js'
import type { NameLayout, NameSource } from './layout.js'

const HEAD = 'text_decoder.cls.predictions.decoder.weight'
const WORDS = 'text_decoder.bert.embeddings.word_embeddings.weight'

/**
 * Hugging Face's BlipForConditionalGeneration. Its head is tied to the embeddings or has weights of its own: where the
 * checkpoint holds both tensors they may differ.
 */
export function huggingFaceBlip(tensors: { has(name: string): boolean }): NameLayout {
  const head: NameSource = tensors.has(HEAD) ? HEAD : WORDS
  return {
    title: "Hugging Face's BLIP",
    mark: 'text_decoder.bert.embeddings.word_embeddings.weight',
    rules: [
      ...evaVisionRules,
      ['ln_vision.*', 'vision_model.post_layernorm.*'],
      [HEAD, head],
      [
        'text_decoder.cls.predictions.bias',
        { anyOf: ['text_decoder.cls.predictions.bias', 'text_decoder.cls.predictions.decoder.bias'] },
      ],
      ['text_decoder.*', 'text_decoder.*'],
    ],
    ignored: [['*embeddings.position_ids', 'the numbers 0, 1, 2, ...']],
  }
}
