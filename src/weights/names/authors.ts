import type { NameLayout } from './layout.js'

/** The authors' checkpoints (LAVIS), whose names are ours; tied tensors may be there under every name. */
export const authorsBlip2: NameLayout = {
  title: "the authors' BLIP-2",
  mark: 'Qformer.bert.embeddings.LayerNorm.weight',
  rules: [
    [
      'Qformer.bert.embeddings.word_embeddings.weight',
      { anyOf: ['Qformer.bert.embeddings.word_embeddings.weight', 'Qformer.cls.predictions.decoder.weight'] },
    ],
    [
      'Qformer.cls.predictions.bias',
      { anyOf: ['Qformer.cls.predictions.bias', 'Qformer.cls.predictions.decoder.bias'] },
    ],
    [
      'opt_model.model.decoder.embed_tokens.weight',
      { anyOf: ['opt_model.model.decoder.embed_tokens.weight', 'opt_model.lm_head.weight'] },
    ],
    [
      't5_model.shared.weight',
      {
        anyOf: [
          't5_model.shared.weight',
          't5_model.encoder.embed_tokens.weight',
          't5_model.decoder.embed_tokens.weight',
        ],
      },
    ],
    ['*', '*'],
  ],
  ignored: [['Qformer.bert.embeddings.position_ids', 'the numbers 0, 1, 2, ...']],
  encoderLayers: 'visual_encoder.blocks.#.*',
}

/** EVA-CLIP's ViT-g alone, as the authors load it: 40 layers, of which BLIP-2 runs 39. */
export const evaVision: NameLayout = {
  title: "EVA's encoder alone",
  mark: 'blocks.0.attn.qkv.weight',
  rules: [['visual_encoder.*', '*']],
  ignored: [
    ['norm.*', 'the norm after the last layer, which BLIP-2 does not run'],
    ['fc_norm.*', 'the norm after the last layer, which BLIP-2 does not run'],
    ['head.*', "EVA-CLIP's projection"],
  ],
  encoderLayers: 'blocks.#.*',
}
