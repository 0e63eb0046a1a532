import { join } from 'node:path'
import { ConfigError, WeightsError } from '../errors.js'
import { blip2Config, blip2Schema, generationSchema, imageProcessorSchema } from './huggingFaceConfig.js'
import { readJsonFile } from './jsonFile.js'
import { type ModelConfig, parseWith } from './modelConfig.js'
import type { ModelDirectory, ModelPart } from './modelParts.js'
import { huggingFaceBlip2, NOT_IN_HUGGING_FACE_RETRIEVAL, PART_NAMES } from './names/blip2.js'
import { openTensors } from './openTensors.js'
import { checkpointPart } from './partSource.js'
import type { TensorTable } from './safetensors/types.js'
import { readTokenizerFile } from './tokenizerFile.js'

/** Whether a config.json is that of Hugging Face's BLIP-2. */
export const isHuggingFaceBlip2 = (json: unknown): boolean =>
  typeof json === 'object' && json !== null && 'model_type' in json && json.model_type === 'blip-2'

/**
 * Opens what `save_pretrained` writes for Blip2ForConditionalGeneration (with OPT or T5) and for
 * Blip2ForImageTextRetrieval, model and processor: config.json, one or several safetensors files or a
 * pytorch_model.bin, tokenizer.json, preprocessor_config.json, generation_config.json.
 */
export async function readHuggingFaceDirectory(path: string, json: unknown): Promise<ModelDirectory> {
  const config = await readHuggingFaceConfig(path, json)
  await using tensors = await openTensors(path)
  const sourceOf = (part: ModelPart) =>
    checkpointPart({
      openTable: () => openTensors(path),
      layout: huggingFaceBlip2,
      ignore: namesOfOthers(part),
      onlyTrained: NOT_IN_HUGGING_FACE_RETRIEVAL,
    })
  return {
    path,
    config,
    parts: partsOf(tensors),
    readTokenizer: () => readTokenizerFile(join(path, 'tokenizer.json')),
    load: (part, wanted) => sourceOf(part).load(wanted),
    open: (part, wanted, options) => sourceOf(part).open(wanted, options),
    stream: (part, wanted) => sourceOf(part).stream(wanted),
  }
}

/** The configuration alone, without the weights. @param json The content of config.json. */
export async function readHuggingFaceConfig(path: string, json: unknown): Promise<ModelConfig> {
  const file = join(path, 'config.json')
  const model = parseWith(blip2Schema, json, `${file} is not a BLIP-2 that can be computed here`)
  const pixels = await readImageProcessor(path)
  const [side, expected] = [sideOf(pixels.size), model.vision_config.image_size]
  if (side !== expected)
    throw new ConfigError(
      `${path}: pictures are made ${side} pixels wide, but the encoder of config.json takes ${expected}; the files do not belong together`,
    )
  const generationFile = join(path, 'generation_config.json')
  const generation = parseWith(generationSchema, (await readJsonFile(generationFile)) ?? {}, generationFile)
  return blip2Config(model, pixels, generation)
}

/** How pictures are prepared: in a file of its own, or in the processor's. */
export async function readImageProcessor(path: string) {
  const [own, whole] = ['preprocessor_config.json', 'processor_config.json'].map((name) => join(path, name)) as [
    string,
    string,
  ]
  const alone = await readJsonFile(own)
  if (alone !== undefined) return parseWith(imageProcessorSchema, alone, own)
  const processor = (await readJsonFile(whole)) as { image_processor?: unknown } | undefined
  if (processor?.image_processor !== undefined) return parseWith(imageProcessorSchema, processor.image_processor, whole)
  throw new ConfigError(`${path}: expected preprocessor_config.json, which says how pictures are prepared`)
}

/** Side of the square that pictures are made to. */
export function sideOf(size: Awaited<ReturnType<typeof readImageProcessor>>['size']): number {
  if (typeof size === 'number') return size
  return 'height' in size ? size.height : size.shortest_edge
}

function partsOf({ path, tensors }: TensorTable): ReadonlySet<ModelPart> {
  const has = (prefix: string) => [...tensors.keys()].some((name) => name.startsWith(prefix))
  if (has('language_model.')) return new Set(['vision', 'stage2', 'language'] as const)
  if (has('itm_head.')) return new Set(['vision', 'stage1'] as const)
  throw new WeightsError(
    `${path}: these weights have neither a language model nor a matching head; expected Blip2ForConditionalGeneration or Blip2ForImageTextRetrieval`,
  )
}

/** Stage 1 and stage 2 never lie in one directory, so each has the bridge's names to itself. */
function namesOfOthers(part: ModelPart): readonly string[] {
  const own = part === 'vision' || part === 'language' ? part : 'bridge'
  return Object.entries(PART_NAMES).flatMap(([other, names]) => (other === own ? [] : names))
}
