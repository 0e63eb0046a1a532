import { writeFile } from 'node:fs/promises'
import type { PartWeight } from '../../src/weights/modelDirectory.js'
import { buildArchive } from '../weights/pytorch/archive.js'
import { dictionary, pickle, tensor, text } from '../weights/pytorch/picklePieces.js'

/** Writes `torch.save({'model': weights})`. */
export async function writeCheckpoint(path: string, weights: ReadonlyMap<string, PartWeight>): Promise<string> {
  const entries = [...weights].map(([name, { shape, data }], i) => ({ name, shape, data, key: String(i) }))
  const tensors = entries.flatMap(({ name, shape, data, key }) => [
    text(name),
    tensor({ key, elements: data.length, shape, strides: stridesOf(shape) }),
  ])
  const files = entries.map(({ key, data }) => ({
    name: `archive/data/${key}`,
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }))
  const whole = { name: 'archive/data.pkl', data: pickle(dictionary(text('model'), dictionary(...tensors))) }
  await writeFile(path, buildArchive([whole, ...files]))
  return path
}

const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1))
