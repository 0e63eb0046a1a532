import { join } from 'node:path'
import { z } from 'zod'
import type { PixelFormat } from '../image/preprocess.js'
import type { BlipConfig } from '../models/blip.js'
import { parseWith } from '../weights/modelConfig.js'
import { readPixelFormat, textSizes, textTower, visionSizes, visionTower } from './towers.js'

/** BlipConfig of transformers; what a file leaves out has its classes' defaults. */
const blipSchema = z.object({
  model_type: z.literal('blip'),
  vision_config: z.object(visionTower('gelu', { imageSize: 384, patchSize: 16 })).prefault({}),
  text_config: z
    .object({
      ...textTower('gelu', {
        vocabularySize: 30_524,
        width: 768,
        feedForward: 3072,
        heads: 8,
        maxPositions: 512,
        layerNormEpsilon: 1e-12,
      }),
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
  return {
    config: { vision: visionSizes(vision), text: textSizes(text) },
    pixels: await readPixelFormat(path, vision.image_size),
    firstToken: text.bos_token_id,
    endToken: text.sep_token_id,
  }
}
