import { join } from 'node:path'
import { z } from 'zod'
import type { PixelFormat } from '../image/preprocess.js'
import type { ClipConfig } from '../models/clip.js'
import { parseWith } from '../weights/modelConfig.js'
import { readPixelFormat, textSizes, textTower, visionSizes, visionTower } from './towers.js'

/** CLIPConfig of transformers; what a file leaves out has its classes' defaults. */
const clipSchema = z.object({
  model_type: z.literal('clip'),
  projection_dim: z.int().positive().default(512),
  vision_config: z.object(visionTower('quick_gelu', { imageSize: 224, patchSize: 32 })).prefault({}),
  text_config: z
    .object(
      textTower('quick_gelu', {
        vocabularySize: 49_408,
        width: 512,
        feedForward: 2048,
        heads: 8,
        maxPositions: 77,
        layerNormEpsilon: 1e-5,
      }),
    )
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
  return {
    config: { vision: visionSizes(vision), text: textSizes(text), embeddingWidth: clip.projection_dim },
    pixels: await readPixelFormat(path, vision.image_size),
  }
}
