import { stat } from 'node:fs/promises'
import { isHubId, type PullOptions, pullModel } from './pullModel.js'

/**
 * The directory of a model: what is given where it is a directory or can be nothing else, otherwise the hub's model of
 * that id, fetched if need be.
 */
export async function resolveModel(model: string, options: PullOptions = {}): Promise<string> {
  const isThere = await stat(model).then(
    () => true,
    () => false,
  )
  if (isThere || !isHubId(model)) return model
  return (await pullModel(model, options)).directory
}
