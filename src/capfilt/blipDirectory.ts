import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../errors.js'
import type { PixelFormat } from '../image/preprocess.js'
import type { BlipConfig } from '../models/blip.js'
import { readImageProcessor, sideOf } from '../weights/huggingFaceDirectory.js'
import { parseWith } from '../weights/modelConfig.js'

const size = z.int().positive()
const fraction = z.number().positive()

/** BlipConfig of transformers; what a file leaves out has its classes' defaults. */
const blipSchema = z.object({
  model_type: z.literal('blip'),
  vision_config: z
    .object({
      hidden_size: size.default(768),
      intermediate_size: size.default(3072),
      num_hidden_layers: size.default(12),
      num_attention_heads: size.default(12),
      image_size: size.default(384),
      patch_size: size.default(16),
      hidden_act: z.literal('gelu').default('gelu'),
      layer_norm_eps: fraction.default(1e-5),
    })
    .prefault({}),
  text_config: z
    .object({
      vocab_size: size.default(30_524),
      hidden_size: size.default(768),
      intermediate_size: size.default(3072),
      num_hidden_layers: size.default(12),
      num_attention_heads: size.default(8),
      max_position_embeddings: size.default(512),
      hidden_act: z.literal('gelu').default('gelu'),
      layer_norm_eps: fraction.default(1e-12),
      bos_token_id: z.int().min(0).default(30_522),
      sep_token_id: z.int().min(0).default(102),
    })
    .prefault({}),
})

export interface BlipDirectory {
  readonly config: BlipConfig
  readonly pixels: PixelFormat
  /** The token that a text begins with, and the one that ends it. */
  readonly firstToken: number
  readonly endToken: number
}

/**
 * Reads config.json and preprocessor_config.json of Hugging Face's BlipForConditionalGeneration, such as
 * Salesforce/blip-image-captioning-large.
 * @param json The content of config.json.
 * @throws ConfigError naming the field that is wrong.
 */
export async function readBlipDirectory(path: string, json: unknown): Promise<BlipDirectory> {
  const file = join(path, 'config.json')
  const { vision_config: vision, text_config: text } = parseWith(blipSchema, json, `${file} is not that of a BLIP`)
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
    },
    pixels: { size: vision.image_size, mean: image_mean, std: image_std },
    firstToken: text.bos_token_id,
    endToken: text.sep_token_id,
  }
}
