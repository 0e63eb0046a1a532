import { createHash } from 'node:crypto'
import { constants, copyFile, mkdir, open, readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'
import { WeightsError } from '../errors.js'
import { externalLocations } from '../graph/externalLocations.js'

/** A part that is not drawn here but an ONNX file, which the runtime opens as it is; it may keep weights in files beside it. */
export interface OnnxPart {
  /** Path of the file. */
  readonly onnx: string
}

/** Where a model directory has its image encoder, if that is an ONNX file. */
export const ONNX_ENCODER = join('vision', 'model.onnx')

/** The image encoder of a model directory that has it as ONNX. */
export const onnxEncoderOf = (directory: string): OnnxPart => ({ onnx: join(directory, ONNX_ENCODER) })

/** Copies the file to a place that is still empty, with the files beside it that it reads. */
export async function copyOnnx({ onnx }: OnnxPart, path: string): Promise<void> {
  const copy = async (from: string, to: string) => {
    await mkdir(dirname(to), { recursive: true })
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  }
  await copy(onnx, path)
  for (const location of await locationsOf(onnx))
    await copy(join(dirname(onnx), location), join(dirname(path), location))
}

/** Of the bytes of all its files. */
export async function hashOnnx({ onnx }: OnnxPart): Promise<string> {
  const hash = createHash('sha256')
  for (const location of ['', ...(await locationsOf(onnx))]) {
    hash.update(`${location}\n`)
    const path = location === '' ? onnx : join(dirname(onnx), location)
    const file = await open(path)
    for await (const bytes of file.createReadStream()) hash.update(bytes as Uint8Array)
  }
  return hash.digest('hex')
}

/** The files that it reads, relative to its directory. A path out of that would let a file read anything on the machine. */
async function locationsOf(path: string): Promise<string[]> {
  const locations = externalLocations(await readFile(path))
    .map(normalize)
    .sort()
  const outside = locations.find((location) => isAbsolute(location) || location.split(sep)[0] === '..')
  if (outside === undefined) return locations
  throw new WeightsError(`${path} keeps weights in ${outside}; expected a file in its own directory`)
}
