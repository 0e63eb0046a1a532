import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RuntimeError } from '../errors.js'

/**
 * Opens a model whose weights lie in files of `directory`. The runtime resolves external data relative to the model's
 * own file and refuses links that lead elsewhere, so the model is written beside the weights for as long as it opens.
 */
export async function withModelBeside<T>(
  directory: string,
  bytes: Uint8Array,
  open: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(directory, `.blip2-${randomUUID()}.onnx`)
  try {
    await writeFile(path, bytes)
  } catch (cause) {
    throw new RuntimeError(
      `the weights are mapped from ${directory}, which must be writable while a model opens; copy the model to a directory of your own`,
      { cause },
    )
  }
  try {
    return await open(path)
  } finally {
    await rm(path, { force: true })
  }
}
