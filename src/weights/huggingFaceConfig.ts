import { z } from 'zod'
import type { ModelConfig, OptLanguage, T5Language } from './modelConfig.js'

// Configurations of Hugging Face's transformers, as far as a model is computed from them. What a file leaves out has
// the default of transformers' configuration classes; a value that no model of ours computes is refused by name.

const size = z.int().positive()
const fraction = z.number().positive()
const ids = z.union([z.int(), z.array(z.int())])

/** Blip2VisionConfig: EVA-CLIP's ViT-g/14 without its last layer. */
const visionSchema = z.object({
  hidden_size: size.default(1408),
  intermediate_size: size.default(6144),
  num_hidden_layers: size.default(39),
  num_attention_heads: size.default(16),
  image_size: z.preprocess(squareSide, size).default(224),
  patch_size: z.preprocess(squareSide, size).default(14),
  hidden_act: z.literal('gelu').default('gelu'),
  layer_norm_eps: fraction.default(1e-6),
  qkv_bias: z.literal(true).default(true),
})

const qformerSchema = z.object({
  vocab_size: size.default(30_522),
  hidden_size: size.default(768),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: z.literal('gelu').default('gelu'),
  max_position_embeddings: size.default(512),
  layer_norm_eps: fraction.default(1e-12),
  cross_attention_frequency: size.default(2),
  position_embedding_type: z.literal('absolute').default('absolute'),
})

const optSchema = z.object({
  model_type: z.literal('opt').default('opt'),
  vocab_size: size.default(50_272),
  hidden_size: size.default(768),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  ffn_dim: size.default(3072),
  max_position_embeddings: size.default(2048),
  do_layer_norm_before: z.boolean().default(true),
  word_embed_proj_dim: size.nullish(),
  activation_function: z.literal('relu').default('relu'),
  enable_bias: z.literal(true).default(true),
  layer_norm_elementwise_affine: z.literal(true).default(true),
  _remove_final_layer_norm: z.literal(false).default(false),
  eos_token_id: ids.nullish(),
})

const t5Schema = z
  .object({
    model_type: z.literal('t5'),
    vocab_size: size.default(32_128),
    d_model: size.default(512),
    d_kv: size.default(64),
    d_ff: size.default(2048),
    num_layers: size.default(6),
    num_decoder_layers: size.nullish(),
    num_heads: size.default(8),
    relative_attention_num_buckets: size.default(32),
    relative_attention_max_distance: size.default(128),
    layer_norm_epsilon: fraction.default(1e-6),
    // Version 1.1 and Flan-T5; the original T5 has ReLU without a gate.
    feed_forward_proj: z.literal('gated-gelu'),
    dense_act_fn: z.enum(['gelu', 'gelu_new']).default('gelu_new'),
    decoder_start_token_id: z.literal(0).nullish(),
    tie_word_embeddings: z.boolean().nullish(),
    // Newer versions of transformers say with this that the head has weights of its own.
    scale_decoder_outputs: z.boolean().nullish(),
    eos_token_id: ids.nullish(),
  })
  .refine((t5) => t5.scale_decoder_outputs === false || t5.tie_word_embeddings === false, {
    error: 'must be false: a head that is tied to the embeddings is not supported',
    path: ['tie_word_embeddings'],
  })

export const languageSchema = z.preprocess(
  (text) =>
    typeof text === 'object' && text !== null && !('model_type' in text) ? { model_type: 'opt', ...text } : text,
  z.discriminatedUnion('model_type', [optSchema, t5Schema]),
)

export const blip2Schema = z.object({
  model_type: z.literal('blip-2'),
  vision_config: visionSchema.prefault({}),
  qformer_config: qformerSchema.prefault({}),
  text_config: languageSchema.prefault({}),
  num_query_tokens: size.default(32),
  image_text_hidden_size: size.default(256),
})
export type HuggingFaceBlip2 = z.infer<typeof blip2Schema>
type HuggingFaceLanguage = z.infer<typeof languageSchema>

/** preprocessor_config.json, or `image_processor` of processor_config.json. */
export const imageProcessorSchema = z.object({
  size: z.union([
    size,
    z.object({ height: size, width: size }).refine(({ height, width }) => height === width, 'must be a square'),
    z.object({ shortest_edge: size }),
  ]),
  image_mean: z.tuple([z.number(), z.number(), z.number()]),
  image_std: z.tuple([z.number(), z.number(), z.number()]),
  // 3 is Pillow's bicubic.
  resample: z.literal(3).default(3),
  do_resize: z.literal(true).default(true),
  do_rescale: z.literal(true).default(true),
  do_normalize: z.literal(true).default(true),
  rescale_factor: z
    .number()
    .refine((factor) => Math.abs(factor * 255 - 1) < 1e-6, 'must be 1/255')
    .default(1 / 255),
})

export const generationSchema = z.object({
  num_beams: size.nullish(),
  max_new_tokens: size.nullish(),
  length_penalty: z.number().nullish(),
  repetition_penalty: fraction.nullish(),
  eos_token_id: ids.nullish(),
})

/** The authors' `generate`, for what a model's generation_config.json leaves open. */
export const AUTHORS_GENERATION = { numBeams: 5, maxNewTokens: 30, lengthPenalty: 1, repetitionPenalty: 1 } as const

/** Tokens of a caption in the authors' code, [CLS] and [SEP] included. */
export const MAX_TEXT_TOKENS = 32
/** bert-base-uncased's padding, and the token that the authors add to it. */
export const PAD_TOKEN = 0
const DECODER_TOKEN = 30_522

export function blip2Config(
  { vision_config: vision, qformer_config: qformer, text_config: text, ...whole }: HuggingFaceBlip2,
  pixels: z.infer<typeof imageProcessorSchema>,
  generation: z.infer<typeof generationSchema>,
): ModelConfig {
  const language = languageConfig(text)
  const ends = generation.eos_token_id
  return {
    format: 'blip2',
    version: 1,
    vision: {
      kind: 'eva',
      imageSize: vision.image_size,
      patchSize: vision.patch_size,
      width: vision.hidden_size,
      layers: vision.num_hidden_layers,
      heads: vision.num_attention_heads,
      feedForward: vision.intermediate_size,
      layerNormEpsilon: vision.layer_norm_eps,
      standardizedFeatures: false,
      featurePlaces: 0,
    },
    mean: pixels.image_mean,
    std: pixels.image_std,
    qformer: {
      vocabularySize: qformer.vocab_size,
      width: qformer.hidden_size,
      layers: qformer.num_hidden_layers,
      heads: qformer.num_attention_heads,
      feedForward: qformer.intermediate_size,
      maxPositions: qformer.max_position_embeddings,
      queries: whole.num_query_tokens,
      encoderWidth: vision.hidden_size,
      crossAttentionEvery: qformer.cross_attention_frequency,
      layerNormEpsilon: qformer.layer_norm_eps,
    },
    // transformers norms the encoder's output with the encoder's own epsilon; the authors with 1e-5.
    visionLayerNormEpsilon: vision.layer_norm_eps,
    embeddingWidth: whole.image_text_hidden_size,
    language,
    text: {
      maxTokens: Math.min(MAX_TEXT_TOKENS, qformer.max_position_embeddings),
      decoderToken: DECODER_TOKEN,
      padToken: PAD_TOKEN,
    },
    generation: {
      prompt: '',
      numBeams: generation.num_beams ?? AUTHORS_GENERATION.numBeams,
      maxNewTokens: generation.max_new_tokens ?? AUTHORS_GENERATION.maxNewTokens,
      lengthPenalty: generation.length_penalty ?? AUTHORS_GENERATION.lengthPenalty,
      repetitionPenalty: generation.repetition_penalty ?? AUTHORS_GENERATION.repetitionPenalty,
      ...(ends === undefined || ends === null ? {} : { endTokens: [ends].flat() }),
    },
  }
}

export const languageConfig = (text: HuggingFaceLanguage): OptLanguage | T5Language =>
  text.model_type === 'opt' ? optConfig(text) : t5Config(text)

function optConfig(opt: z.infer<typeof optSchema>): OptLanguage {
  const embeddingWidth = opt.word_embed_proj_dim ?? opt.hidden_size
  return {
    kind: 'opt',
    vocabularySize: opt.vocab_size,
    width: opt.hidden_size,
    layers: opt.num_hidden_layers,
    heads: opt.num_attention_heads,
    feedForward: opt.ffn_dim,
    maxPositions: opt.max_position_embeddings,
    layerNormEpsilon: 1e-5, // PyTorch's own
    ...(embeddingWidth === opt.hidden_size ? {} : { embeddingWidth }),
    ...(opt.do_layer_norm_before ? {} : { postNorm: true }),
  }
}

const t5Config = (t5: z.infer<typeof t5Schema>): T5Language => ({
  kind: 't5',
  vocabularySize: t5.vocab_size,
  width: t5.d_model,
  encoderLayers: t5.num_layers,
  decoderLayers: t5.num_decoder_layers ?? t5.num_layers,
  heads: t5.num_heads,
  headSize: t5.d_kv,
  feedForward: t5.d_ff,
  relativeBuckets: t5.relative_attention_num_buckets,
  relativeMaxDistance: t5.relative_attention_max_distance,
  layerNormEpsilon: t5.layer_norm_epsilon,
  // BLIP-2's published files say 'gelu', as the authors run Flan-T5; Flan-T5's own say nothing and mean the tanh form.
  gelu: t5.dense_act_fn === 'gelu' ? 'exact' : 'tanh',
})

/** Sizes may be one number or two. */
function squareSide(value: unknown): unknown {
  return Array.isArray(value) && value.length === 2 && value[0] === value[1] ? value[0] : value
}
