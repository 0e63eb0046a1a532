import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../errors.js'
import type { PixelFormat } from '../image/preprocess.js'
import type { ClipConfig } from '../models/clip.js'
import { readImageProcessor, sideOf } from '../weights/huggingFaceDirectory.js'
import { parseWith } from '../weights/modelConfig.js'

const size = z.int().positive()
const fraction = z.number().positive()

/** CLIPConfig of transformers; what a file leaves out has its classes' defaults. */
const clipSchema = z.object({
  model_type: z.literal('clip'),
  projection_dim: size.default(512),
  vision_config: z
    .object({
      hidden_size: size.default(768),
      intermediate_size: size.default(3072),
      num_hidden_layers: size.default(12),
      num_attention_heads: size.default(12),
      image_size: size.default(224),
      patch_size: size.default(32),
      hidden_act: z.literal('quick_gelu').default('quick_gelu'),
      layer_norm_eps: fraction.default(1e-5),
    })
    .prefault({}),
  text_config: z
    .object({
      vocab_size: size.default(49_408),
      hidden_size: size.default(512),
      intermediate_size: size.default(2048),
      num_hidden_layers: size.default(12),
      num_attention_heads: size.default(8),
      max_position_embeddings: size.default(77),
      hidden_act: z.literal('quick_gelu').default('quick_gelu'),
      layer_norm_eps: fraction.default(1e-5),
    })
    .prefault({}),
})

export interface ClipDirectory {
  readonly config: ClipConfig
  /** Pictures are resized by their shorter side, then cut to a square in the middle. */
  readonly pixels: PixelFormat
}

/**
 * Reads config.json and preprocessor_config.json of Hugging Face's CLIPModel, such as openai/clip-vit-large-patch14.
 * @param json The content of config.json.
 * @throws ConfigError naming the field that is wrong.
 */
export async function readClipDirectory(path: string, json: unknown): Promise<ClipDirectory> {
  const file = join(path, 'config.json')
  const clip = parseWith(clipSchema, json, `${file} is not that of a CLIP that can be computed here`)
  const { vision_config: vision, text_config: text } = clip
  const { image_mean, image_std, size } = await readImageProcessor(path)
  if (sideOf(size) !== vision.image_size)
    throw new ConfigError(
      `${path}: pictures are made ${sideOf(size)} pixels wide, but the encoder takes ${vision.image_size}`,
    )
  return {
    config: {
      vision: {
        imageSize: vision.image_size,
        patchSize: vision.patch_size,
        width: vision.hidden_size,
        layers: vision.num_hidden_layers,
        heads: vision.num_attention_heads,
        feedForward: vision.intermediate_size,
        layerNormEpsilon: vision.layer_norm_eps,
      },
      text: {
        vocabularySize: text.vocab_size,
        width: text.hidden_size,
        layers: text.num_hidden_layers,
        heads: text.num_attention_heads,
        feedForward: text.intermediate_size,
        maxPositions: text.max_position_embeddings,
        layerNormEpsilon: text.layer_norm_eps,
      },
      embeddingWidth: clip.projection_dim,
    },
    pixels: { size: vision.image_size, mean: image_mean, std: image_std },
  }
}
