import type { NameLayout, NameRule } from './layout.js'

const HF_LAYER = '(vision_model.)encoder.layers.#'
const stacked = (kind: string) => ({
  stack: ['q', 'k', 'v'].map((role) => `${HF_LAYER}.self_attn.${role}_proj.${kind}`),
})

/** What CLIP itself has beside the encoder that BLIP-2 takes from it. */
const wholeModelRules: readonly NameRule[] = [
  ['visual_encoder.ln_post.*', '(vision_model.)post_layernorm.*'],
  ['visual_projection.weight', 'visual_projection.weight'],
  ['text_model.*', 'text_model.*'],
  ['text_projection.weight', 'text_projection.weight'],
]

/**
 * Hugging Face's CLIPModel and CLIPVisionModel; newer versions leave the prefix `vision_model.` out. Queries, keys and
 * values are apart there and stacked here.
 */
export const huggingFaceClip: NameLayout = {
  title: "Hugging Face's CLIP",
  mark: '(vision_model.)pre_layrnorm.weight',
  rules: [
    ['visual_encoder.class_embedding', '(vision_model.)embeddings.class_embedding'],
    ['visual_encoder.positional_embedding', '(vision_model.)embeddings.position_embedding.weight'],
    ['visual_encoder.conv1.weight', '(vision_model.)embeddings.patch_embedding.weight'],
    ['visual_encoder.ln_pre.*', '(vision_model.)pre_layrnorm.*'],
    ['visual_encoder.transformer.resblocks.#.attn.in_proj_weight', stacked('weight')],
    ['visual_encoder.transformer.resblocks.#.attn.in_proj_bias', stacked('bias')],
    ['visual_encoder.transformer.resblocks.#.attn.out_proj.*', `${HF_LAYER}.self_attn.out_proj.*`],
    ['visual_encoder.transformer.resblocks.#.ln_1.*', `${HF_LAYER}.layer_norm1.*`],
    ['visual_encoder.transformer.resblocks.#.ln_2.*', `${HF_LAYER}.layer_norm2.*`],
    ['visual_encoder.transformer.resblocks.#.mlp.c_fc.*', `${HF_LAYER}.mlp.fc1.*`],
    ['visual_encoder.transformer.resblocks.#.mlp.c_proj.*', `${HF_LAYER}.mlp.fc2.*`],
    ...wholeModelRules,
  ],
  ignored: [
    ['(vision_model.)embeddings.position_ids', 'the numbers 0, 1, 2, ...'],
    ['(vision_model.)post_layernorm.*', 'the norm after the last layer, which BLIP-2 does not run'],
    ['visual_projection.weight', "CLIP's projection of pictures"],
    ['text_model.*', "CLIP's text side"],
    ['text_projection.weight', "CLIP's text side"],
    ['logit_scale', "CLIP's temperature"],
  ],
  encoderLayers: `${HF_LAYER}.*`,
}

const ownNames = (prefix: string): readonly NameRule[] => [['visual_encoder.*', `${prefix}*`]]

/** OpenAI's CLIP, whose names for the encoder are ours. */
export const openAiClip: NameLayout = {
  title: "OpenAI's CLIP",
  mark: 'visual.conv1.weight',
  rules: ownNames('visual.'),
  ignored: [
    ['visual.ln_post.*', 'the norm after the last layer, which BLIP-2 does not run'],
    ['visual.proj', "CLIP's projection of pictures"],
    ['transformer.*', "CLIP's text side"],
    ['token_embedding.weight', "CLIP's text side"],
    ['positional_embedding', "CLIP's text side"],
    ['ln_final.*', "CLIP's text side"],
    ['text_projection', "CLIP's text side"],
    ['logit_scale', "CLIP's temperature"],
  ],
  encoderLayers: 'visual.transformer.resblocks.#.*',
}

/** The encoder of OpenAI's CLIP alone, as the authors of BLIP-2 load it. */
export const openAiClipVision: NameLayout = {
  title: "OpenAI's CLIP, the encoder alone",
  mark: 'conv1.weight',
  rules: ownNames(''),
  ignored: [
    ['ln_post.*', 'the norm after the last layer, which BLIP-2 does not run'],
    ['proj', "CLIP's projection of pictures"],
  ],
  encoderLayers: 'transformer.resblocks.#.*',
}
