import { WeightsError } from '../errors.js'
import type { QFormerConfig } from '../models/qformer.js'
import { matchPattern } from '../weights/names/pattern.js'
import type { TensorTable } from '../weights/safetensors/types.js'

/** BERT-base, from which all Q-Formers of the authors were made; a file says neither. */
const BERT_BASE = { heads: 12, layerNormEpsilon: 1e-12 } as const
/** Of bert-base-uncased with [DEC], and of its positions; a checkpoint of stage 2 has no text side to read them from. */
const [VOCABULARY, POSITIONS] = [30_523, 512]

const LAYER = 'Qformer.bert.encoder.layer'

/**
 * The sizes of the Q-Former in a checkpoint of the authors, from its tensors.
 * @throws WeightsError where the checkpoint has none.
 */
export function authorsQFormerConfig({ path, tensors }: Pick<TensorTable, 'path' | 'tensors'>): QFormerConfig {
  const shapeOf = (name: string): readonly number[] => {
    const tensor = tensors.get(name)
    if (tensor) return tensor.shape
    throw new WeightsError(`${path}: expected a checkpoint of the authors' BLIP-2, but there is no ${name}`)
  }
  const [, queries = 0, width = 0] = shapeOf('query_tokens')
  const layersWith = (pattern: string) =>
    [...tensors.keys()].flatMap((name) => matchPattern(`${LAYER}.#.${pattern}`, name)?.[0] ?? []).map(Number)
  const layers = layersWith('attention.self.query.weight').length
  const [first = 0, second = first + layers] = layersWith('crossattention.self.query.weight').sort((a, b) => a - b)
  return {
    ...BERT_BASE,
    vocabularySize: tensors.get('Qformer.bert.embeddings.word_embeddings.weight')?.shape[0] ?? VOCABULARY,
    width,
    layers,
    feedForward: shapeOf(`${LAYER}.0.intermediate_query.dense.weight`)[0] ?? 0,
    maxPositions: tensors.get('Qformer.bert.embeddings.position_embeddings.weight')?.shape[0] ?? POSITIONS,
    queries,
    encoderWidth: shapeOf('ln_vision.weight')[0] ?? 0,
    crossAttentionEvery: second - first,
  }
}
