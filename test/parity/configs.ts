import type { OptConfig } from '../../src/models/opt.js'
import type { QFormerConfig } from '../../src/models/qformer.js'
import { type Json, number } from './fixture.js'

/** The authors' names for sizes, as ours. */
export const qformerConfig = (config: Json): QFormerConfig => ({
  vocabularySize: number(config, 'vocab_size'),
  width: number(config, 'hidden_size'),
  layers: number(config, 'num_hidden_layers'),
  heads: number(config, 'num_attention_heads'),
  feedForward: number(config, 'intermediate_size'),
  maxPositions: number(config, 'max_position_embeddings'),
  queries: number(config, 'query_length'),
  encoderWidth: number(config, 'encoder_width'),
  crossAttentionEvery: number(config, 'cross_attention_freq'),
  layerNormEpsilon: number(config, 'layer_norm_eps'),
})

export const optConfig = (config: Json, layerNormEpsilon = 1e-5): OptConfig => ({
  vocabularySize: number(config, 'vocab_size'),
  width: number(config, 'hidden_size'),
  layers: number(config, 'num_hidden_layers'),
  heads: number(config, 'num_attention_heads'),
  feedForward: number(config, 'ffn_dim'),
  maxPositions: number(config, 'max_position_embeddings'),
  layerNormEpsilon,
})
