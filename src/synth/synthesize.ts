import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Architecture } from '../models/architectureSpecs.js'
import { writeNewDirectory } from '../weights/newDirectory.js'
import { type LazyTensor, type TensorArray, writeSafetensors } from '../weights/safetensors/write.js'
import { hubConfig, hubGeneration, hubPreprocessor } from './hubConfig.js'
import { type HubTensor, hubTensors } from './hubTensors.js'
import { madeUpOptTokenizer, madeUpT5Tokenizer } from './madeUpTokenizer.js'
import { fillNormalHalves } from './normalHalves.js'
import { SYNTH_PRESETS, type SynthPreset } from './presets.js'

export interface SynthesizeOptions {
  /** The same seed gives the same files, byte for byte (default 0). */
  readonly seed?: number
  /** Bytes of a weights file at most, a single tensor aside (default 5 GB, as Hugging Face saves). */
  readonly shardBytes?: number
  readonly signal?: AbortSignal
  /** Bytes of weights written so far, and in all. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface Synthesized {
  readonly parameters: number
  /** Of the weights. */
  readonly bytes: number
  /** The weights files, relative to the directory. */
  readonly files: readonly string[]
}

const BYTES = 2
const DEFAULT_SHARD_BYTES = 5e9

/**
 * Writes a model of a preset's sizes with random weights in float16, as Hugging Face's BLIP-2 lies on the hub: sharded
 * safetensors with an index, config.json, preprocessor, generation settings and a made-up tokenizer. One tensor at a
 * time is in memory. The directory appears under its name when it is whole.
 *
 * @throws ConfigError where the directory is there already and not empty.
 */
export async function synthesize(
  preset: SynthPreset,
  directory: string,
  { seed = 0, shardBytes = DEFAULT_SHARD_BYTES, signal, onProgress }: SynthesizeOptions = {},
): Promise<Synthesized> {
  const architecture: Architecture = SYNTH_PRESETS[preset]
  const tensors = hubTensors(architecture)
  const total = byteCount(tensors)
  const shards = shardsOf(tensors, shardBytes)
  const files = shards.map((_, i) => shardName(i, shards.length))
  await writeNewDirectory(directory, async (temporary) => {
    const makeTensor = tensorMaker(tensors, seed)
    let done = 0
    const lazy = (name: string, tensor: HubTensor): LazyTensor => ({
      shape: tensor.shape,
      dtype: 'F16',
      read: async () => {
        signal?.throwIfAborted()
        onProgress?.(done, total)
        done += BYTES * elements(tensor)
        return makeTensor(name, tensor)
      },
    })
    for (const [i, shard] of shards.entries()) {
      const written = new Map([...shard].map(([name, tensor]) => [name, lazy(name, tensor)]))
      await writeSafetensors(join(temporary, files[i]!), written, { metadata: { format: 'pt' } })
    }
    onProgress?.(total, total)
    await writeTexts(temporary, preset, architecture, shards, files, total)
  })
  return { parameters: total / BYTES, bytes: total, files }
}

type Tensors = ReadonlyMap<string, HubTensor>

/** In the order of the model, each as large as fits. */
function shardsOf(tensors: Tensors, limit: number): Map<string, HubTensor>[] {
  const shards: Map<string, HubTensor>[] = []
  let room = 0
  for (const [name, tensor] of tensors) {
    const bytes = BYTES * elements(tensor)
    if (shards.length === 0 || bytes > room) {
      shards.push(new Map())
      room = limit
    }
    shards.at(-1)!.set(name, tensor)
    room -= bytes
  }
  return shards
}

const shardName = (index: number, count: number): string =>
  count === 1 ? 'model.safetensors' : `model-${padded(index + 1)}-of-${padded(count)}.safetensors`

const padded = (number: number) => String(number).padStart(5, '0')

/** Makes tensors one after the other in one buffer, so what is made is good until the next. */
function tensorMaker(tensors: Tensors, seed: number): (name: string, tensor: HubTensor) => TensorArray {
  const buffer = new Uint16Array(Math.max(...[...tensors.values()].map(elements)))
  const ONE = 0x3c00
  return (name, tensor) => {
    const values = buffer.subarray(0, elements(tensor))
    const { initializer } = tensor
    if (initializer.kind === 'normal') fillNormalHalves(values, initializer.std, seed, name)
    else if (initializer.kind === 'constant') throw new Error(`${name}: only training has weights of a constant`)
    else values.fill(initializer.kind === 'ones' ? ONE : 0)
    return values
  }
}

async function writeTexts(
  directory: string,
  preset: SynthPreset,
  architecture: Architecture,
  shards: readonly Tensors[],
  files: readonly string[],
  total: number,
): Promise<void> {
  const { language } = architecture
  const texts: Record<string, object> = {
    'config.json': hubConfig(architecture),
    'preprocessor_config.json': hubPreprocessor(architecture),
    'generation_config.json': hubGeneration(architecture),
    'tokenizer.json':
      language.kind === 'opt'
        ? madeUpOptTokenizer(language.vocabularySize)
        : madeUpT5Tokenizer(language.vocabularySize),
  }
  if (shards.length > 1) {
    const entries = shards.flatMap((shard, i) => [...shard.keys()].map((name) => [name, files[i]!]))
    texts['model.safetensors.index.json'] = {
      metadata: { total_size: total },
      weight_map: Object.fromEntries(entries),
    }
  }
  for (const [name, content] of Object.entries(texts))
    await writeFile(join(directory, name), `${JSON.stringify(content, null, name === 'tokenizer.json' ? 0 : 2)}\n`)
  await writeFile(join(directory, 'README.md'), card(preset))
}

const card = (preset: SynthPreset): string =>
  `# ${preset}, random weights\n\nMade by \`blip2 synth ${preset}\` to rehearse a model's size: what it says has no meaning.\n`

const elements = ({ shape }: HubTensor): number => shape.reduce((product, size) => product * size, 1)

const byteCount = (tensors: Tensors): number =>
  [...tensors.values()].reduce((total, tensor) => total + BYTES * elements(tensor), 0)
