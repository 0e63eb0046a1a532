import { ConfigError } from '../errors.js'
import type { PullOptions } from '../weights/hub/pullModel.js'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { type ModelDirectory, readModelDirectory } from '../weights/modelDirectory.js'
import { type FrozenModels, openAuthorsCheckpoint } from './authorsCheckpoint.js'
import { isCheckpointFile } from './visionModel.js'

/**
 * Opens a model, whatever it lies in.
 * @param model a directory of blip2 or Hugging Face's BLIP-2, OWNER/NAME on the hub, or a checkpoint of the authors (.pth)
 * @param frozen For a checkpoint: where the models are that it was trained with.
 * @throws as `readModelDirectory`, `pullModel` and `openAuthorsCheckpoint`; ConfigError where `frozen` belongs to nothing.
 */
export async function openModelDirectory(
  model: string,
  frozen: FrozenModels = {},
  options: PullOptions = {},
): Promise<ModelDirectory> {
  const path = await resolveModel(model, options)
  if (isCheckpointFile(path)) {
    // A revision is that of the model itself, not of those beside it.
    const { revision: _, ...others } = options
    return openAuthorsCheckpoint(path, frozen, others)
  }
  const needless = Object.entries(frozen).filter(([, given]) => given !== undefined)
  if (needless.length > 0)
    throw new ConfigError(
      `only a checkpoint of the authors (.pth) takes ${needless.map(([name]) => `\`${name}\``).join(' and ')}; ${model} is none, and has all of its parts`,
    )
  return readModelDirectory(path)
}
