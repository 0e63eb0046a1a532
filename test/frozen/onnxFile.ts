import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  embeddedFloats,
  Graph,
  mean,
  patchConvolution,
  type Tensor,
  toOnnx,
  type WeightSource,
} from '../../src/graph/index.js'
import { Random } from '../../src/train/random/random.js'

export const PATCH = 4
export const WIDTH = 16

export interface OnnxFileOptions {
  /** Of pictures (default: any number). */
  readonly batch?: number
  /** Side of pictures (default 16). */
  readonly side?: number
  /** Name of the file with the weights (default: they are in the file itself). */
  readonly external?: string
  /** Width of the tokens. */
  readonly width?: number
  /** What the file gives, of its tokens [batch, patches, width] (default: those as 'last_hidden_state', and their mean). */
  readonly outputs?: (tokens: Tensor) => Record<string, Tensor>
}

/** Writes an image encoder as somebody else would export it: one linear layer over patches, random but the same every time. */
export async function writeOnnxEncoder(path: string, options: OnnxFileOptions = {}): Promise<string> {
  const { batch = 'batch', side = 16, external, width = WIDTH, outputs = usualOutputs } = options
  const graph = new Graph()
  const images = graph.input('pixel_values', 'float32', [batch, 3, side, side])
  const tokens = patchConvolution(images, graph.parameter('patches', [width, 3, PATCH, PATCH]))
  const random = new Random(11, 'patches')
  const values = Float32Array.from({ length: width * 3 * PATCH ** 2 }, () => 0.3 * random.normal())
  await mkdir(dirname(path), { recursive: true })
  const weight: WeightSource =
    external === undefined
      ? embeddedFloats(values)
      : { kind: 'external', dtype: 'float32', location: external, offset: 0, length: values.byteLength }
  if (external !== undefined) {
    await mkdir(dirname(join(dirname(path), external)), { recursive: true })
    await writeFile(join(dirname(path), external), values)
  }
  await writeFile(path, toOnnx(graph, outputs(tokens), { weight: () => weight }).bytes)
  return path
}

/** How its pictures are prepared. */
export const writePreprocessor = (directory: string, more: object = {}): Promise<void> =>
  writeFile(
    join(directory, 'preprocessor_config.json'),
    JSON.stringify({ image_mean: [0.4, 0.5, 0.6], image_std: [0.2, 0.25, 0.3], ...more }),
  )

const usualOutputs = (tokens: Tensor) => ({
  pooler_output: mean(tokens, [1]),
  last_hidden_state: tokens,
})
