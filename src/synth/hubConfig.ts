import type { Architecture } from '../models/architectureSpecs.js'
import { optEmbeddingWidth } from '../models/opt.js'
import { PAPER_EMBEDDING_WIDTH } from '../models/presets.js'
import { optNewlineId } from './madeUpTokenizer.js'

/** config.json of Blip2ForConditionalGeneration for a model of these sizes. */
export function hubConfig(architecture: Architecture): object {
  const { vision, qformer, language } = architecture
  return {
    architectures: ['Blip2ForConditionalGeneration'],
    model_type: 'blip-2',
    num_query_tokens: qformer.queries,
    image_text_hidden_size: PAPER_EMBEDDING_WIDTH,
    use_decoder_only_language_model: language.kind === 'opt',
    torch_dtype: 'float16',
    vision_config: {
      model_type: 'blip_2_vision_model',
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
      hidden_size: vision.width,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      intermediate_size: vision.feedForward,
      hidden_act: 'gelu',
      layer_norm_eps: vision.layerNormEpsilon,
      qkv_bias: true,
    },
    qformer_config: {
      model_type: 'blip_2_qformer',
      vocab_size: qformer.vocabularySize,
      hidden_size: qformer.width,
      num_hidden_layers: qformer.layers,
      num_attention_heads: qformer.heads,
      intermediate_size: qformer.feedForward,
      hidden_act: 'gelu',
      max_position_embeddings: qformer.maxPositions,
      encoder_hidden_size: qformer.encoderWidth,
      cross_attention_frequency: qformer.crossAttentionEvery,
      layer_norm_eps: qformer.layerNormEpsilon,
    },
    text_config: language.kind === 'opt' ? optConfig(language) : t5Config(language),
  }
}

/** preprocessor_config.json of the released models: CLIP's mean and deviation. */
export const hubPreprocessor = ({ vision: { imageSize } }: Architecture): object => ({
  image_processor_type: 'BlipImageProcessor',
  do_convert_rgb: true,
  do_resize: true,
  do_rescale: true,
  do_normalize: true,
  size: { height: imageSize, width: imageSize },
  resample: 3,
  rescale_factor: 1 / 255,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
})

/** generation_config.json */
export const hubGeneration = ({ language }: Architecture): object =>
  language.kind === 'opt'
    ? { bos_token_id: 2, eos_token_id: optNewlineId(language.vocabularySize), pad_token_id: 1 }
    : { decoder_start_token_id: 0, eos_token_id: 1, pad_token_id: 0 }

const optConfig = (language: Extract<Architecture['language'], { kind: 'opt' }>): object => ({
  model_type: 'opt',
  vocab_size: language.vocabularySize,
  hidden_size: language.width,
  word_embed_proj_dim: optEmbeddingWidth(language),
  num_hidden_layers: language.layers,
  num_attention_heads: language.heads,
  ffn_dim: language.feedForward,
  max_position_embeddings: language.maxPositions,
  activation_function: 'relu',
  do_layer_norm_before: !language.postNorm,
  bos_token_id: 2,
  eos_token_id: optNewlineId(language.vocabularySize),
  pad_token_id: 1,
})

const t5Config = (language: Extract<Architecture['language'], { kind: 't5' }>): object => ({
  model_type: 't5',
  vocab_size: language.vocabularySize,
  d_model: language.width,
  d_kv: language.headSize,
  d_ff: language.feedForward,
  num_layers: language.encoderLayers,
  num_decoder_layers: language.decoderLayers,
  num_heads: language.heads,
  relative_attention_num_buckets: language.relativeBuckets,
  relative_attention_max_distance: language.relativeMaxDistance,
  layer_norm_epsilon: language.layerNormEpsilon,
  feed_forward_proj: 'gated-gelu',
  dense_act_fn: language.gelu === 'exact' ? 'gelu' : 'gelu_new',
  is_gated_act: true,
  tie_word_embeddings: false,
  decoder_start_token_id: 0,
  eos_token_id: 1,
  pad_token_id: 0,
})
