import { stat } from 'node:fs/promises'
import { SHIPPED_MODEL } from '../shippedModel.js'
import { isHubId, type PullOptions, pullModel } from './pullModel.js'

/**
 * The directory of a model: what is given where it is a directory or can be nothing else; 'models/emoji', the model that
 * comes with the package, wherever a program runs; otherwise the hub's model of that id, fetched if need be.
 */
export async function resolveModel(model: string, options: PullOptions = {}): Promise<string> {
  const isThere = await stat(model).then(
    () => true,
    () => false,
  )
  if (isThere || !isHubId(model)) return model
  if (model === 'models/emoji') return SHIPPED_MODEL
  return (await pullModel(model, options)).directory
}
