import { MODEL_PARTS, TOKENIZER_FILES } from '../../weights/modelDirectory.js'

/** Hugging Face's names of what a model may have beside its weights. */
const HUGGING_FACE_FILES = [
  'preprocessor_config.json',
  'processor_config.json',
  'generation_config.json',
  'tokenizer.json',
]
const SINGLE_WEIGHTS = 'model.safetensors'
const SHARD_INDEX = 'model.safetensors.index.json'

/**
 * The files that a model directory may have, by its config.json: a server lists no directories.
 * @param read Reads a file of the directory; undefined where it is not there.
 */
export async function modelFileNames(
  config: Blob,
  read: (name: string) => Promise<Blob | undefined>,
): Promise<readonly string[]> {
  if (isOurs(await config.text()))
    return [...Object.values(TOKENIZER_FILES), ...MODEL_PARTS.map((part) => `${part}.safetensors`)]
  const index = await read(SHARD_INDEX)
  return [...HUGGING_FACE_FILES, ...(index ? shardsOf(await index.text()) : [SINGLE_WEIGHTS])]
}

/** What is not JSON is refused by who reads the configuration. */
function isOurs(config: string): boolean {
  const json = parse(config)
  return json === undefined || json['format'] === 'blip2'
}

/** A broken index is refused by who reads the weights. */
function shardsOf(index: string): string[] {
  const map = parse(index)?.['weight_map']
  if (typeof map !== 'object' || map === null) return []
  return [...new Set(Object.values(map))].filter((name) => typeof name === 'string').sort()
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
