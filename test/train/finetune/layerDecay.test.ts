import { describe, expect, it } from 'vitest'
import { layerDecay } from '../../../src/train/finetune/layerDecay.js'

describe('layer-wise decay of the learning rate', () => {
  it.each([
    ['visual_encoder.conv1.weight', 0.5 ** 4],
    ['visual_encoder.positional_embedding', 0.5 ** 4],
    ['visual_encoder.ln_pre.bias', 0.5 ** 4],
    ['visual_encoder.transformer.resblocks.0.ln_1.weight', 0.5 ** 3],
    ['visual_encoder.transformer.resblocks.2.mlp.c_fc.weight', 0.5],
    ['visual_encoder.patch_embed.proj.weight', 0.5 ** 4],
    ['visual_encoder.pos_embed', 0.5 ** 4],
    ['visual_encoder.blocks.1.attn.qkv.weight', 0.5 ** 2],
    ['visual_encoder.feature_mean', 0.5],
    ['Qformer.bert.encoder.layer.0.output.dense.weight', 1],
    ['query_tokens', 1],
  ])('%s of three layers', (name, scale) => {
    expect(layerDecay(3, 0.5)(name)).toBeCloseTo(scale, 12)
  })
})
