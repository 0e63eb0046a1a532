import { join } from 'node:path'
import { z } from 'zod'
import type { QFormerConfig } from '../models/qformer.js'
import { withTokens } from '../text/tokenizer.js'
import type { TokenizerJson } from '../text/tokenizerJson.js'
import { DECODE_TOKEN } from '../text/trainWordPiece.js'
import type { PullOptions } from '../weights/hub/pullModel.js'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { parseWith } from '../weights/modelConfig.js'
import { readConfigFile } from '../weights/modelDirectory.js'
import { openTensors } from '../weights/openTensors.js'
import { readTokenizerFile } from '../weights/tokenizerFile.js'

const size = z.int().positive()

/** BertConfig of transformers; what a file leaves out has its defaults. */
const bertSchema = z.object({
  model_type: z.literal('bert'),
  vocab_size: size.default(30_522),
  hidden_size: size.default(768),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  max_position_embeddings: size.default(512),
  hidden_act: z.literal('gelu').default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.literal('absolute').default('absolute'),
})

/** What a Q-Former starts from (paper 3.1). */
export interface BertModel {
  readonly path: string
  /** The sizes that a Q-Former has of it, [DEC] among its tokens. */
  readonly sizes: Omit<QFormerConfig, 'queries' | 'encoderWidth' | 'crossAttentionEvery'>
  /** The weights by their own names, as `initializeFromBert` takes them. */
  readonly load: () => Promise<Map<string, Float32Array>>
  /** With [DEC], the token that begins a text to be written. */
  readonly readTokenizer: () => Promise<TokenizerJson>
}

/**
 * Opens Hugging Face's BertForPreTraining or BertForMaskedLM, such as bert-base-uncased.
 * @param model a directory, or OWNER/NAME on the hub
 * @throws ModelNotFoundError or ConfigError where there is no BERT that can be computed here.
 */
export async function openBert(model: string, options: PullOptions = {}): Promise<BertModel> {
  const path = await resolveModel(model, options)
  const file = join(path, 'config.json')
  const bert = parseWith(bertSchema, await readConfigFile(path), `${file} is not that of a BERT that can be used here`)
  return {
    path,
    sizes: {
      vocabularySize: bert.vocab_size + 1,
      width: bert.hidden_size,
      layers: bert.num_hidden_layers,
      heads: bert.num_attention_heads,
      feedForward: bert.intermediate_size,
      maxPositions: bert.max_position_embeddings,
      layerNormEpsilon: bert.layer_norm_eps,
    },
    load: () => loadAll(path),
    readTokenizer: () => readBertTokenizer(path),
  }
}

/** The tokenizer.json of a BERT's directory, with [DEC] after its own tokens, as the authors add it. */
export async function readBertTokenizer(path: string): Promise<TokenizerJson> {
  return withTokens((await readTokenizerFile(join(path, 'tokenizer.json'))) as TokenizerJson, [DECODE_TOKEN])
}

async function loadAll(path: string): Promise<Map<string, Float32Array>> {
  await using table = await openTensors(path)
  const weights = new Map<string, Float32Array>()
  for (const [name, { dtype }] of table.tensors) if (dtype !== 'I64') weights.set(name, await table.readFloat32(name))
  return weights
}
