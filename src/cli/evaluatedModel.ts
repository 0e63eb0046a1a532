import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { frozenModels, type ModelFlags } from './model.js'

const WEIGHTS = /\.(safetensors|bin|pth|pt)$/

/**
 * What a file of predictions says of the model that made them: its name, how its weights are held, the frozen models
 * beside it, and of all their weight files name, size and time. Predictions of another one are not gone on with.
 */
export async function evaluatedModel(flags: ModelFlags, signal: AbortSignal): Promise<Record<string, unknown>> {
  const { model, dtype } = flags
  const models = { model, ...frozenModels(flags) }
  const weights: (readonly [name: string, bytes: number, modified: string])[] = []
  for (const name of Object.values(models))
    for (const file of await weightFiles(await resolveModel(name, { signal }))) {
      const { size, mtime } = await stat(file)
      weights.push([basename(file), size, mtime.toISOString()])
    }
  return { ...models, dtype, weights }
}

/** @param path a directory, or a checkpoint of the authors */
async function weightFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  const names = await readdir(path)
  return names
    .filter((name) => WEIGHTS.test(name))
    .sort()
    .map((name) => join(path, name))
}
