import { ConfigError, DisposedError } from '../errors.js'
import { formatShape } from '../graph/index.js'
import type { OnnxEncoderConfig } from '../models/imageEncoder.js'
import { float32, type Value } from '../runtime/index.js'
import { type DeclaredTensor, OnnxFile, type OnnxFileSettings } from '../runtime/onnxFile.js'
import type { OnnxPart } from '../weights/onnxPart.js'

/** Pictures that run at once where the file does not say. */
const LARGEST_BATCH = 32

/**
 * An image encoder that is an ONNX file: pictures [batch, 3, size, size] of float32 in, tokens [batch, tokens, width] of
 * float32 out, whatever they are called. The file is opened when it first runs. Dispose it when done.
 */
export class OnnxEncoder {
  readonly #path: string
  readonly #settings: OnnxFileSettings
  #opening: Promise<EncoderFile> | undefined
  #isDisposed = false

  constructor({ onnx }: OnnxPart, settings: OnnxFileSettings = {}) {
    this.#path = onnx
    this.#settings = settings
  }

  /** images: [pictures, 3, size, size], normalised -> [pictures, tokens, width], the caller's to keep */
  async run({ images }: { readonly images: Value }, signal?: AbortSignal): Promise<{ readonly features: Value }> {
    if (this.#isDisposed) throw new DisposedError(`the encoder ${this.#path} was disposed; open the model again`)
    this.#opening ??= openEncoderFile(this.#path, this.#settings)
    const encoder = await this.#opening
    const [pictures, ...sizes] = images.shape as [number, ...number[]]
    const each = images.data.length / pictures
    const batch = encoder.batch ?? LARGEST_BATCH
    const rows: Float32Array[] = []
    let row: readonly number[] = []
    for (let start = 0; start < pictures; start += batch) {
      signal?.throwIfAborted()
      const count = Math.min(batch, pictures - start)
      // A batch of a fixed size is filled up with zeros.
      const part = new Float32Array((encoder.batch ?? count) * each)
      part.set((images.data as Float32Array).subarray(start * each, (start + count) * each))
      const { shape, data } = await encode(encoder, float32([part.length / each, ...sizes], part))
      row = shape.slice(1)
      rows.push(data.subarray(0, (data.length / shape[0]!) * count))
    }
    return { features: float32([pictures, ...row], joined(rows)) }
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true
    const [opened] = await Promise.allSettled([this.#opening])
    if (opened.status === 'fulfilled') await opened.value?.file.dispose()
  }
}

/**
 * The sizes of an encoder that is an ONNX file, which runs once for them.
 *
 * @param imageSize of pictures, where the file takes any
 * @throws RuntimeError for what is no ONNX; ConfigError for what is no image encoder, saying what it is.
 */
export async function describeOnnxEncoder(
  part: OnnxPart,
  imageSize: number | undefined,
  settings: OnnxFileSettings = {},
): Promise<OnnxEncoderConfig> {
  const encoder = await openEncoderFile(part.onnx, settings)
  try {
    if (encoder.imageSize !== undefined && imageSize !== undefined && encoder.imageSize !== imageSize)
      throw new ConfigError(
        `${part.onnx} takes pictures of ${encoder.imageSize} pixels, its preprocessor_config.json says ${imageSize}`,
      )
    const size = encoder.imageSize ?? imageSize
    if (size === undefined)
      throw new ConfigError(
        `${part.onnx} takes pictures of any size; say which in a preprocessor_config.json beside it: "size": 224`,
      )
    const { shape } = await encode(encoder, zeroPictures(encoder.batch ?? 1, size))
    const [, tokens, width] = shape as [number, number, number]
    return { kind: 'onnx', imageSize: size, tokens, width }
  } finally {
    await encoder.file.dispose()
  }
}

interface EncoderFile {
  readonly file: OnnxFile
  readonly input: string
  readonly output: string
  /** Undefined where it takes any number of pictures. */
  readonly batch: number | undefined
  /** Undefined where it takes pictures of any size. */
  readonly imageSize: number | undefined
}

async function openEncoderFile(path: string, settings: OnnxFileSettings): Promise<EncoderFile> {
  const file = await OnnxFile.open(path, settings)
  try {
    const input = pictureInput(file)
    const output = tokenOutput(file)
    const [batch, , height] = input.shape
    const known = (size: number | string | undefined) => (typeof size === 'number' && size > 0 ? size : undefined)
    return { file, input: input.name, output: output.name, batch: known(batch), imageSize: known(height) }
  } catch (error) {
    await file.dispose()
    throw error
  }
}

function pictureInput({ path, inputs }: OnnxFile): DeclaredTensor {
  const [input, ...others] = inputs
  const [, channels, height, width] = input?.shape ?? []
  const isSquare = typeof height !== 'number' || typeof width !== 'number' || height === width
  const takesColours = typeof channels !== 'number' || channels === 3
  if (input?.dtype === 'float32' && others.length === 0 && input.shape.length === 4 && isSquare && takesColours)
    return input
  throw new ConfigError(
    `${path}: an image encoder takes one input, float32 [batch, 3, size, size]; this takes ${list(inputs)}`,
  )
}

/** What encoders of transformers call their tokens, beside which they may give those of each layer. */
const USUAL_OUTPUT = 'last_hidden_state'

function tokenOutput({ path, outputs }: OnnxFile): DeclaredTensor {
  const found = outputs.filter(({ dtype, shape }) => dtype === 'float32' && [0, 3].includes(shape.length))
  const output = found.length === 1 ? found[0] : found.find(({ name }) => name === USUAL_OUTPUT)
  if (output) return output
  throw new ConfigError(
    `${path}: an image encoder gives one output, float32 [batch, tokens, width], or one of several that is called ${USUAL_OUTPUT}; this gives ${list(outputs)}`,
  )
}

async function encode({ file, input, output }: EncoderFile, images: Value): Promise<Value<'float32'>> {
  const features = await file.run({ [input]: images }, { name: output, dtype: 'float32' })
  if (features.shape.length === 3 && features.shape[0] === images.shape[0]) return features
  throw new ConfigError(
    `${file.path}: '${output}' is ${formatShape(features.shape)} for pictures ${formatShape(images.shape)}; expected [batch, tokens, width]`,
  )
}

const zeroPictures = (batch: number, size: number): Value =>
  float32([batch, 3, size, size], new Float32Array(batch * 3 * size * size))

function joined(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0))
  let start = 0
  for (const row of rows) {
    all.set(row, start)
    start += row.length
  }
  return all
}

const list = (tensors: readonly DeclaredTensor[]): string =>
  tensors.map(({ name, dtype, shape }) => `'${name}' ${dtype}[${shape.join(', ')}]`).join(' and ') || 'nothing'
