import { type NameLayout, type NameRule, underPrefix } from './layout.js'
import { optRules } from './opt.js'
import { T5_UNUSED_BIAS, t5Rules } from './t5.js'

const HF_LAYER = 'vision_model.encoder.layers.#'

/**
 * EVA's ViT-g, and BLIP's ViT, which has its form. The bias of queries, keys and values is one tensor there, and the keys' part is left out: it adds the same
 * to all scores of a query, which softmax takes out again (and is zero in what was released).
 */
export const evaVisionRules: readonly NameRule[] = [
  ['visual_encoder.cls_token', 'vision_model.embeddings.class_embedding'],
  ['visual_encoder.pos_embed', 'vision_model.embeddings.position_embedding'],
  ['visual_encoder.patch_embed.proj.*', 'vision_model.embeddings.patch_embedding.*'],
  ['visual_encoder.blocks.#.norm1.*', `${HF_LAYER}.layer_norm1.*`],
  ['visual_encoder.blocks.#.norm2.*', `${HF_LAYER}.layer_norm2.*`],
  ['visual_encoder.blocks.#.attn.qkv.weight', `${HF_LAYER}.self_attn.qkv.weight`],
  ['visual_encoder.blocks.#.attn.q_bias', { name: `${HF_LAYER}.self_attn.qkv.bias`, part: 0, of: 3 }],
  ['visual_encoder.blocks.#.attn.v_bias', { name: `${HF_LAYER}.self_attn.qkv.bias`, part: 2, of: 3 }],
  ['visual_encoder.blocks.#.attn.proj.*', `${HF_LAYER}.self_attn.projection.*`],
  ['visual_encoder.blocks.#.mlp.*', `${HF_LAYER}.mlp.*`],
]

const qformerRules: readonly NameRule[] = [
  ['query_tokens', 'query_tokens'],
  // What the authors call ln_vision is the encoder's last norm there.
  ['ln_vision.*', 'vision_model.post_layernorm.*'],
  ['Qformer.bert.embeddings.LayerNorm.*', 'qformer.layernorm.*'],
  ['Qformer.bert.embeddings.*_embeddings.weight', 'embeddings.*_embeddings.weight'],
  ['Qformer.bert.encoder.layer.#.*.self.*', 'qformer.encoder.layer.#.*.attention.*'],
  ['Qformer.bert.encoder.layer.*', 'qformer.encoder.layer.*'],
]

/** Blip2ForConditionalGeneration with OPT or Flan-T5, and Blip2ForImageTextRetrieval. */
export const huggingFaceBlip2: NameLayout = {
  title: "Hugging Face's BLIP-2",
  mark: 'qformer.layernorm.weight',
  rules: [
    ...evaVisionRules,
    ...qformerRules,
    ['vision_proj.*', 'vision_projection.*'],
    ['text_proj.*', 'text_projection.*'],
    ['itm_head.*', 'itm_head.*'],
    ['opt_proj.*', 'language_projection.*'],
    ['t5_proj.*', 'language_projection.*'],
    ...underPrefix('language_model.', optRules),
    ...underPrefix('language_model.', t5Rules),
  ],
  ignored: [
    ['(qformer.)embeddings.position_ids', 'the numbers 0, 1, 2, ...'],
    [`language_model.${T5_UNUSED_BIAS}`, 'cross-attention has no relative positions'],
  ],
}

/** Our names of stage 1 that Hugging Face's retrieval models do not have: only training needs them. */
export const NOT_IN_HUGGING_FACE_RETRIEVAL: readonly string[] = ['temp', 'Qformer.cls.*']

/** The checkpoint's names of each part; stage 1 and stage 2 train what lies between the frozen models. */
export const PART_NAMES = {
  vision: ['vision_model.embeddings.*', 'vision_model.encoder.*'],
  bridge: [
    'query_tokens',
    'vision_model.post_layernorm.*',
    'qformer.*',
    'embeddings.*',
    'language_projection.*',
    'vision_projection.*',
    'text_projection.*',
    'itm_head.*',
  ],
  language: ['language_model.*'],
} as const
