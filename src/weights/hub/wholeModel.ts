import { join } from 'node:path'
import { z } from 'zod'
import { readJsonFile } from '../jsonFile.js'

/** Image encoders; other models read texts as well. */
const WITHOUT_TOKENIZER = ['clip_vision_model', 'vit']
const TOKENIZER = /tokenizer\.json$|^(vocab\.json|vocab\.txt|spiece\.model)$/
/** With the ends of their indexes, in the order in which they are looked for. */
const WEIGHTS = [/\.safetensors$/, /\.(bin|pth|pt)$/]
const INDEXES = ['.safetensors.index.json', '.bin.index.json']

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) })
const configSchema = z.object({ model_type: z.string().optional() })

/**
 * Whether a snapshot of the cache holds what a model is opened from: config.json, weights with all their shards, and a
 * tokenizer. Other tools fetch single files of a model into the same cache.
 *
 * @param names The files that are there.
 */
export async function isWholeModel(snapshot: string, names: readonly string[]): Promise<boolean> {
  if (!names.includes('config.json') || !(await hasWeights(snapshot, names))) return false
  if (names.some((name) => TOKENIZER.test(name))) return true
  const config = configSchema.safeParse(await readJsonFile(join(snapshot, 'config.json')))
  return WITHOUT_TOKENIZER.includes(config.data?.model_type ?? '')
}

async function hasWeights(snapshot: string, names: readonly string[]): Promise<boolean> {
  for (const [i, kind] of WEIGHTS.entries()) {
    const index = names.find((name) => name.endsWith(INDEXES[i]!))
    const present = names.filter((name) => kind.test(name))
    if (index === undefined ? present.length > 0 : await hasShards(join(snapshot, index), present)) return true
  }
  return false
}

async function hasShards(index: string, present: readonly string[]): Promise<boolean> {
  const parsed = indexSchema.safeParse(await readJsonFile(index))
  return parsed.success && Object.values(parsed.data.weight_map).every((shard) => present.includes(shard))
}
