import { z } from 'zod'
import { ConfigError } from '../errors.js'
import type { PixelFormat } from '../image/preprocess.js'
import { readImageProcessor, sideOf } from '../weights/huggingFaceDirectory.js'

const size = z.int().positive()
const fraction = z.number().positive()

/** What transformers' classes take where a file leaves a size out. */
interface TowerDefaults {
  readonly width: number
  readonly feedForward: number
  readonly heads: number
  readonly layerNormEpsilon: number
}

const tower = (activation: string, defaults: TowerDefaults) => ({
  hidden_size: size.default(defaults.width),
  intermediate_size: size.default(defaults.feedForward),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(defaults.heads),
  hidden_act: z.literal(activation).default(activation),
  layer_norm_eps: fraction.default(defaults.layerNormEpsilon),
})

/** Fields of `vision_config`, alike in CLIP and BLIP. */
export const visionTower = (
  activation: string,
  defaults: { readonly imageSize: number; readonly patchSize: number },
) => ({
  ...tower(activation, { width: 768, feedForward: 3072, heads: 12, layerNormEpsilon: 1e-5 }),
  image_size: size.default(defaults.imageSize),
  patch_size: size.default(defaults.patchSize),
})

/** Fields of `text_config`, alike in CLIP and BLIP. */
export const textTower = (
  activation: string,
  defaults: TowerDefaults & { readonly vocabularySize: number; readonly maxPositions: number },
) => ({
  ...tower(activation, defaults),
  vocab_size: size.default(defaults.vocabularySize),
  max_position_embeddings: size.default(defaults.maxPositions),
})

type Fields<Shape extends z.ZodRawShape> = z.infer<z.ZodObject<Shape>>
type TowerFields = Fields<ReturnType<typeof tower>>

const transformer = (fields: TowerFields) => ({
  width: fields.hidden_size,
  layers: fields.num_hidden_layers,
  heads: fields.num_attention_heads,
  feedForward: fields.intermediate_size,
  layerNormEpsilon: fields.layer_norm_eps,
})

/** The sizes of an image encoder by our names. */
export const visionSizes = (fields: Fields<ReturnType<typeof visionTower>>) => ({
  ...transformer(fields),
  imageSize: fields.image_size,
  patchSize: fields.patch_size,
})

/** The sizes of a text side by our names. */
export const textSizes = (fields: Fields<ReturnType<typeof textTower>>) => ({
  ...transformer(fields),
  vocabularySize: fields.vocab_size,
  maxPositions: fields.max_position_embeddings,
})

/**
 * How a directory's preprocessor_config.json makes pictures.
 * @throws ConfigError where they are not of the encoder's size.
 */
export async function readPixelFormat(path: string, imageSize: number): Promise<PixelFormat> {
  const { image_mean: mean, image_std: std, size } = await readImageProcessor(path)
  if (sideOf(size) !== imageSize)
    throw new ConfigError(`${path}: pictures are made ${sideOf(size)} pixels wide, but the encoder takes ${imageSize}`)
  return { size: imageSize, mean, std }
}
