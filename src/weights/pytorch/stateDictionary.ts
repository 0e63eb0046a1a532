import { WeightsError } from '../../errors.js'
import type { TensorInfo } from '../safetensors/types.js'
import { PickledTensor } from './tensors.js'

/** Where checkpoints that hold more than weights keep them: the authors' (LAVIS), and PyTorch Lightning's. */
const WEIGHT_KEYS = ['model', 'state_dict'] as const

export interface StateDictionary {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** Entries that are no tensors. */
  readonly others: ReadonlyMap<string, unknown>
}

/** The tensors of a checkpoint by name. Throws a WeightsError where there is no dictionary of tensors. */
export function stateDictionary(root: unknown, path: string): StateDictionary {
  if (!(root instanceof Map)) throw new WeightsError(`${path}: the checkpoint is no dictionary`)
  if (holdsTensors(root)) return splitEntries(root, path)
  const inner = WEIGHT_KEYS.filter((key) => holdsTensors(root.get(key)))
  const [key] = inner
  if (key === undefined)
    throw new WeightsError(
      `${path}: no tensors in the checkpoint, neither at its root nor under ${WEIGHT_KEYS.join(' or ')}; its keys are ${listKeys(root)}`,
    )
  if (inner.length > 1)
    throw new WeightsError(`${path}: the checkpoint holds weights under ${inner.join(' and ')}; expected one of them`)
  return splitEntries(root.get(key) as ReadonlyMap<unknown, unknown>, path)
}

const holdsTensors = (value: unknown): boolean =>
  value instanceof Map && [...value.values()].some((entry) => entry instanceof PickledTensor)

function splitEntries(dictionary: ReadonlyMap<unknown, unknown>, path: string): StateDictionary {
  const tensors = new Map<string, TensorInfo>()
  const others = new Map<string, unknown>()
  for (const [name, value] of dictionary) {
    if (typeof name !== 'string') throw new WeightsError(`${path}: a key of the state dict is no string`)
    if (value instanceof PickledTensor) tensors.set(name, value.info)
    else others.set(name, value)
  }
  return { tensors, others }
}

const listKeys = (root: ReadonlyMap<unknown, unknown>): string => [...root.keys()].slice(0, 10).map(String).join(', ')
