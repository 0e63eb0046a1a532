import { z } from 'zod'
import type { DrawnVision } from '../weights/modelConfig.js'

const size = z.int().positive()

/** Fields of the configuration classes of transformers; what a file leaves out has their defaults. */
const transformer = (activation: string, defaults: { readonly patchSize: number; readonly layerNormEpsilon: number }) =>
  z.object({
    hidden_size: size.default(768),
    intermediate_size: size.default(3072),
    // One layer more than runs.
    num_hidden_layers: z.int().min(2).default(12),
    num_attention_heads: size.default(12),
    image_size: size.default(224),
    patch_size: size.default(defaults.patchSize),
    num_channels: z.literal(3).default(3),
    hidden_act: z.literal(activation).default(activation),
    layer_norm_eps: z.number().positive().default(defaults.layerNormEpsilon),
  })

const clip = transformer('quick_gelu', { patchSize: 32, layerNormEpsilon: 1e-5 })
const vit = transformer('gelu', { patchSize: 16, layerNormEpsilon: 1e-12 })

/** config.json of Hugging Face's CLIPModel, CLIPVisionModel and ViTModel. */
export const visionModelSchema = z.discriminatedUnion('model_type', [
  z.object({ model_type: z.literal('clip'), vision_config: clip.prefault({}) }),
  clip.extend({ model_type: z.literal('clip_vision_model') }),
  vit.extend({ model_type: z.literal('vit'), qkv_bias: z.literal(true).default(true) }),
])
type VisionModel = z.infer<typeof visionModelSchema>

/** The encoder by our names: all layers but the last, whose features are worse (paper 3.1). */
export function visionConfig(model: VisionModel): DrawnVision {
  const sizes = model.model_type === 'clip' ? model.vision_config : model
  return {
    // A ViT has EVA's form, but for the keys' bias, which changes nothing.
    kind: model.model_type === 'vit' ? 'eva' : 'clip',
    imageSize: sizes.image_size,
    patchSize: sizes.patch_size,
    width: sizes.hidden_size,
    layers: sizes.num_hidden_layers - 1,
    heads: sizes.num_attention_heads,
    feedForward: sizes.intermediate_size,
    layerNormEpsilon: sizes.layer_norm_eps,
    ...PLAIN_FEATURES,
  }
}

/** The features as the encoder gives them: of published encoders, nothing has to be taken out. */
export const PLAIN_FEATURES = { standardizedFeatures: false, featurePlaces: 0 } as const
