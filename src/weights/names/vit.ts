import type { NameLayout } from './layout.js'

const LAYER = '(vit.)encoder.layer.#'

/**
 * Hugging Face's ViTModel and ViTForImageClassification. The encoder has EVA's form: pre-norm, exact GELU, no norm before
 * the layers. Queries, keys and values are apart there and stacked here; the keys' bias is left out: it adds the same to
 * all scores of a query, which softmax takes out again.
 */
export const huggingFaceVit: NameLayout = {
  title: "Hugging Face's ViT",
  mark: '(vit.)embeddings.patch_embeddings.projection.weight',
  rules: [
    ['visual_encoder.cls_token', '(vit.)embeddings.cls_token'],
    ['visual_encoder.pos_embed', '(vit.)embeddings.position_embeddings'],
    ['visual_encoder.patch_embed.proj.*', '(vit.)embeddings.patch_embeddings.projection.*'],
    ['visual_encoder.blocks.#.norm1.*', `${LAYER}.layernorm_before.*`],
    ['visual_encoder.blocks.#.norm2.*', `${LAYER}.layernorm_after.*`],
    [
      'visual_encoder.blocks.#.attn.qkv.weight',
      { stack: ['query', 'key', 'value'].map((role) => `${LAYER}.attention.attention.${role}.weight`) },
    ],
    ['visual_encoder.blocks.#.attn.q_bias', `${LAYER}.attention.attention.query.bias`],
    ['visual_encoder.blocks.#.attn.v_bias', `${LAYER}.attention.attention.value.bias`],
    ['visual_encoder.blocks.#.attn.proj.*', `${LAYER}.attention.output.dense.*`],
    ['visual_encoder.blocks.#.mlp.fc1.*', `${LAYER}.intermediate.dense.*`],
    ['visual_encoder.blocks.#.mlp.fc2.*', `${LAYER}.output.dense.*`],
  ],
  ignored: [
    [`${LAYER}.attention.attention.key.bias`, 'softmax takes it out'],
    ['(vit.)layernorm.*', 'the norm after the last layer, which BLIP-2 does not run'],
    ['(vit.)pooler.dense.*', "ViT's pooler"],
    ['classifier.*', 'the classes of ImageNet'],
  ],
  encoderLayers: `${LAYER}.*`,
}
