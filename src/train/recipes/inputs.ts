import { createHash, type Hash } from 'node:crypto'
import type { CaptionedPictures } from '../../data/captionedPictures.js'
import type { EmojiData, EmojiPicture } from '../../data/emoji/dataset.js'
import type { PartWeight } from '../../weights/modelDirectory.js'
import { hashOnnx, type OnnxPart } from '../../weights/onnxPart.js'
import type { FrozenPart } from '../../weights/partSource.js'
import type { TrainingTask } from '../loop.js'
import type { Weights } from './parts.js'

/**
 * The task with the hashes of all that it reads among its settings: it is never resumed with other pictures, frozen
 * weights or vocabularies, wherever they lie.
 */
export const withInputs = (task: TrainingTask, inputs: Readonly<Record<string, string>>): TrainingTask => ({
  ...task,
  config: { ...task.config, inputs },
})

/** Of names, shapes and values; the order of the weights does not count. */
export function hashWeights(weights: Weights): string {
  const hash = createHash('sha256')
  for (const name of [...weights.keys()].sort()) addWeight(hash, name, weights.get(name)!)
  return hash.digest('hex')
}

/** The same of weights that are read one at a time, where all of them would take too much memory; of an ONNX file, its bytes. */
export async function hashFrozen(part: FrozenPart | OnnxPart): Promise<string> {
  if ('onnx' in part) return hashOnnx(part)
  const { source, wanted } = part
  const hash = createHash('sha256')
  await using weights = await source.stream(wanted)
  for (const name of [...weights.names].sort())
    addWeight(hash, name, { shape: wanted.get(name)!.shape, data: await weights.read(name) })
  return hash.digest('hex')
}

/** The same of values without shapes. */
export const hashData = (weights: ReadonlyMap<string, Float32Array>): string =>
  hashWeights(new Map([...weights].map(([name, data]) => [name, { shape: [data.length], data }])))

/** Of the pixels and all that is said of them, in their order. */
export async function hashPictures(pictures: CaptionedPictures): Promise<string> {
  if (pictures.fingerprint !== undefined) return pictures.fingerprint
  const hash = createHash('sha256')
  for (let index = 0; index < pictures.length; index++) {
    addJson(hash, [pictures.imageId(index), pictures.mayMirror(index), pictures.captions(index)])
    hash.update((await pictures.picture(index)).rgba)
  }
  return hash.digest('hex')
}

/** Of drawings and all that is known of them, in their order. */
export function hashDrawings(data: Pick<EmojiData, 'rgba'>, pictures: readonly EmojiPicture[]): string {
  const hash = createHash('sha256')
  for (const picture of pictures) {
    addJson(hash, picture)
    hash.update(data.rgba(picture))
  }
  return hash.digest('hex')
}

export const hashJson = (value: unknown): string => addJson(createHash('sha256'), value).digest('hex')

function addWeight(hash: Hash, name: string, { shape, data }: PartWeight): void {
  addJson(hash, [name, shape])
  hash.update(data)
}

const addJson = (hash: Hash, value: unknown): Hash => hash.update(`${JSON.stringify(value)}\n`)
