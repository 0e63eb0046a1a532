import type { OptConfig } from '../../src/models/opt.js'
import type { QFormerConfig } from '../../src/models/qformer.js'
import type { T5Config } from '../../src/models/t5.js'
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

export const t5Config = (config: Json): T5Config => ({
  vocabularySize: number(config, 'vocab_size'),
  width: number(config, 'd_model'),
  encoderLayers: number(config, 'num_layers'),
  decoderLayers: number(config, 'num_decoder_layers'),
  heads: number(config, 'num_heads'),
  headSize: number(config, 'd_kv'),
  feedForward: number(config, 'd_ff'),
  relativeBuckets: number(config, 'relative_attention_num_buckets'),
  relativeMaxDistance: number(config, 'relative_attention_max_distance'),
  layerNormEpsilon: number(config, 'layer_norm_epsilon'),
  gelu: config['dense_act_fn'] === 'gelu_new' ? 'tanh' : 'exact',
})
