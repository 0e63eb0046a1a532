import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { PytorchFile } from './pytorch/read.js'
import { SafetensorsDirectory } from './safetensors/directory.js'
import type { TensorTable } from './safetensors/types.js'

/** PyTorch's file of older directories. */
const PYTORCH_FILE = 'pytorch_model.bin'

/** The tensors of a directory: its safetensors files, or the pytorch_model.bin where it has no others. */
export async function openTensors(path: string): Promise<TensorTable & AsyncDisposable> {
  const [hasSafetensors, hasPytorch] = [await holdsSafetensors(path), await exists(join(path, PYTORCH_FILE))]
  if (!hasSafetensors && hasPytorch) return PytorchFile.open(join(path, PYTORCH_FILE))
  return SafetensorsDirectory.open(path)
}

const holdsSafetensors = async (path: string): Promise<boolean> =>
  (await exists(join(path, 'model.safetensors'))) || (await exists(join(path, 'model.safetensors.index.json')))

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
