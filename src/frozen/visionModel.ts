import { dirname, join } from 'node:path'
import { z } from 'zod'
import { stat } from 'node:fs/promises'
import { ConfigError, ModelNotFoundError, WeightsError } from '../errors.js'
import { CLIP_PIXELS } from '../models/presets.js'
import { isHuggingFaceBlip2 } from '../weights/huggingFaceDirectory.js'
import type { PullOptions } from '../weights/hub/pullModel.js'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { readJsonFile } from '../weights/jsonFile.js'
import { type ModelConfig, parseWith } from '../weights/modelConfig.js'
import { type ModelDirectory, readConfigFile, readModelDirectory } from '../weights/modelDirectory.js'
import { evaVision } from '../weights/names/authors.js'
import { huggingFaceClip, openAiClipVision } from '../weights/names/clip.js'
import { huggingFaceVit } from '../weights/names/vit.js'
import { type OnnxPart, onnxEncoderOf } from '../weights/onnxPart.js'
import { openTensors } from '../weights/openTensors.js'
import { checkpointPart, type PartSource, partOf } from '../weights/partSource.js'
import { PytorchFile } from '../weights/pytorch/read.js'
import { authorsVisionConfig } from './authorsVision.js'
import { describeOnnxEncoder } from './onnxEncoder.js'
import { visionConfig, visionModelSchema } from './visionConfig.js'

/** A frozen image encoder: its sizes, how it takes pictures, and its weights, which are read when asked for. */
export interface VisionModel {
  readonly path: string
  readonly config: Pick<ModelConfig, 'vision' | 'mean' | 'std'>
  readonly weights: PartSource | OnnxPart
  /** The directory of blip2 that it is a part of. */
  readonly directory: ModelDirectory | undefined
}

/**
 * Opens an image encoder: that of a model directory (of blip2, or Hugging Face's BLIP-2), Hugging Face's CLIP or ViT, or
 * the authors' eva_vit_g.pth or clip_vit_L.pth. Of CLIP and ViT all layers but the last run (paper 3.1). Any other one as
 * an ONNX file (.onnx), with a preprocessor_config.json beside it: see `OnnxEncoder`.
 *
 * @param model a directory, a file of the authors, an ONNX file, or OWNER/NAME on the hub
 * @throws ModelNotFoundError, ConfigError, RuntimeError or WeightsError where there is no encoder that can be computed here.
 */
export async function openVisionModel(model: string, options: PullOptions = {}): Promise<VisionModel> {
  const path = await resolveModel(model, options)
  if (isCheckpointFile(path)) return openAuthorsVision(path)
  if (path.endsWith('.onnx')) return openOnnxVision(path)
  const json = await readConfigFile(path)
  if (isModelDirectory(json)) return ofDirectory(await readModelDirectory(path), isHuggingFaceBlip2(json))
  const parsed = parseWith(
    visionModelSchema,
    json,
    `${join(path, 'config.json')} is not that of an image encoder that can be computed here`,
  )
  const { mean, std } = await readNormalization(path)
  return {
    path,
    config: { vision: visionConfig(parsed), mean, std },
    weights: checkpointPart({
      openTable: () => openTensors(path),
      layout: parsed.model_type === 'vit' ? huggingFaceVit : huggingFaceClip,
    }),
    directory: undefined,
  }
}

/** A file of PyTorch's, as the authors publish their models. */
export const isCheckpointFile = (path: string): boolean => /\.(pth|pt)$/.test(path)

/** Whether a config.json is that of a whole BLIP-2. */
export const isModelDirectory = (json: unknown): boolean =>
  isHuggingFaceBlip2(json) || (typeof json === 'object' && json !== null && 'format' in json)

function ofDirectory(directory: ModelDirectory, isOthers: boolean): VisionModel {
  const { path, config, parts } = directory
  if (!parts.has('vision'))
    throw new ConfigError(
      `${path} holds no vision weights; train an encoder with \`blip2 train vision\`, or give another --vision directory`,
    )
  return {
    path,
    config: { vision: config.vision, mean: config.mean, std: config.std },
    weights: config.vision.kind === 'onnx' ? onnxEncoderOf(path) : partOf(directory, 'vision'),
    directory: isOthers ? undefined : directory,
  }
}

async function openAuthorsVision(path: string): Promise<VisionModel> {
  const openTable = () => PytorchFile.open(path)
  await using table = await openTable()
  const vision = authorsVisionConfig(table, '', 1)
  if (vision.layers < 1) throw new WeightsError(`${path}: the image encoder has no layers`)
  const layout = vision.kind === 'eva' ? evaVision : openAiClipVision
  return {
    path,
    config: { vision, ...CLIP_PIXELS },
    weights: checkpointPart({ openTable, layout }),
    directory: undefined,
  }
}

async function openOnnxVision(path: string): Promise<VisionModel> {
  const weights = { onnx: path }
  const isThere = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isThere) throw new ModelNotFoundError(`there is no file ${path}; expected an image encoder as ONNX`)
  const { imageSize, ...normalization } = await readNormalization(dirname(path))
  const vision = await describeOnnxEncoder(weights, imageSize)
  return { path, config: { vision, ...normalization }, weights, directory: undefined }
}

const rgb = z.tuple([z.number(), z.number(), z.number()])
const side = z.int().positive()
const sides = z.union([
  side,
  z.object({ height: side, width: side }).refine(({ height, width }) => height === width, 'must be a square'),
  z.object({ shortest_edge: side }),
])
/** Pictures are resized as everywhere here, whatever the file says: a new model learns from them that way. */
const preprocessorSchema = z.object({
  image_mean: rgb,
  image_std: rgb,
  crop_size: sides.optional(),
  size: sides.optional(),
})

/** `imageSize` is that of the squares that a picture is made into, where the file says it. */
async function readNormalization(directory: string) {
  const file = join(directory, 'preprocessor_config.json')
  const json = await readJsonFile(file)
  if (json === undefined)
    throw new ConfigError(
      `expected ${file}, which says how pixels are normalised, such as {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": 224}`,
    )
  const { image_mean: mean, image_std: std, crop_size, size } = parseWith(preprocessorSchema, json, file)
  const square = crop_size ?? size
  return { mean, std, imageSize: square === undefined ? undefined : sideOf(square) }
}

function sideOf(square: z.infer<typeof sides>): number {
  if (typeof square === 'number') return square
  return 'height' in square ? square.height : square.shortest_edge
}
