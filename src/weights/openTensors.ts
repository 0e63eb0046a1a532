import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { PytorchFile } from './pytorch/read.js'
import { SafetensorsFile } from './safetensors/read.js'
import type { TensorTable } from './safetensors/types.js'
import { WeightFiles, type WeightFormat } from './weightFiles.js'

export const SAFETENSORS_FILES: WeightFormat = {
  extension: '.safetensors',
  open: (path) => SafetensorsFile.open(path),
}
const PYTORCH_FILES: WeightFormat = { extension: '.bin', open: (path) => PytorchFile.open(path) }

/** PyTorch's file of older directories; those of large models have several, with an index. */
const PYTORCH_FILE = 'pytorch_model.bin'
const SAFETENSORS_FILE = 'model.safetensors'

/** The tensors of a directory: its safetensors files, or PyTorch's where it has no others. */
export async function openTensors(path: string): Promise<TensorTable & AsyncDisposable> {
  const has = (name: string) => exists(join(path, name))
  const hasSafetensors = (await has(SAFETENSORS_FILE)) || (await has(indexOf(SAFETENSORS_FILE)))
  if (!hasSafetensors && (await has(indexOf(PYTORCH_FILE)))) return WeightFiles.open(path, PYTORCH_FILES)
  // Directories have other files with this extension, so only this one is opened.
  if (!hasSafetensors && (await has(PYTORCH_FILE))) return PytorchFile.open(join(path, PYTORCH_FILE))
  return WeightFiles.open(path, SAFETENSORS_FILES)
}

const indexOf = (file: string): string => `${file}.index.json`

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
