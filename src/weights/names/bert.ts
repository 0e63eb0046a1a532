import type { NameLayout, NameSource } from './layout.js'

/** Google's checkpoint still has TensorFlow's names for a norm's scale and shift. */
const scale = (norm: string): NameSource => ({ anyOf: [`${norm}.LayerNorm.weight`, `${norm}.LayerNorm.gamma`] })
const shift = (norm: string): NameSource => ({ anyOf: [`${norm}.LayerNorm.bias`, `${norm}.LayerNorm.beta`] })

/**
 * Hugging Face's BERT as the start of a Q-Former (paper 3.1). The queries' feed-forward layers start as copies of the
 * text's (authors' code). Cross-attention and the queries have no counterpart: they start at random and are not to be
 * asked for. The vocabulary is BERT's own, without [DEC].
 */
export const huggingFaceBert: NameLayout = {
  title: "Hugging Face's BERT",
  mark: 'bert.embeddings.word_embeddings.weight',
  rules: [
    [
      'Qformer.bert.embeddings.word_embeddings.weight',
      { anyOf: ['bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'] },
    ],
    ['Qformer.cls.predictions.bias', { anyOf: ['cls.predictions.bias', 'cls.predictions.decoder.bias'] }],
    ['Qformer.bert.encoder.layer.#.intermediate_query.*', 'bert.encoder.layer.#.intermediate.*'],
    ['Qformer.bert.encoder.layer.#.output_query.LayerNorm.weight', scale('bert.encoder.layer.#.output')],
    ['Qformer.bert.encoder.layer.#.output_query.LayerNorm.bias', shift('bert.encoder.layer.#.output')],
    ['Qformer.bert.encoder.layer.#.output_query.*', 'bert.encoder.layer.#.output.*'],
    ['Qformer.*.LayerNorm.weight', scale('*')],
    ['Qformer.*.LayerNorm.bias', shift('*')],
    ['Qformer.*', '*'],
  ],
  ignored: [
    ['bert.embeddings.position_ids', 'the numbers 0, 1, 2, ...'],
    ['bert.embeddings.token_type_embeddings.weight', 'the Q-Former has no token types'],
    ['bert.pooler.dense.*', 'the Q-Former has no pooler'],
    ['cls.seq_relationship.*', "the head of BERT's next-sentence task"],
  ],
}
