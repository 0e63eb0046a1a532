import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Graph } from '../../../src/graph/index.js'
import { type Architecture, architectureSpecs } from '../../../src/models/architectureSpecs.js'
import { PAPER_EMBEDDING_WIDTH, paperQFormer } from '../../../src/models/presets.js'
import { patchCount } from '../../../src/models/vit.js'
import type { ParameterSpec } from '../../../src/nn/scope.js'
import { stage1 } from '../../../src/train/objectives/stage1.js'
import type { TensorInfo, TensorTable } from '../../../src/weights/safetensors/types.js'

export type Shapes = ReadonlyMap<string, readonly number[]>

/** Names and shapes of a released model, as reference/hub_names.py wrote them. */
export function hubShapes(model: string): Map<string, readonly number[]> {
  const path = fileURLToPath(new URL(`../../fixtures/names/${model}.json.gz`, import.meta.url))
  return new Map(Object.entries(JSON.parse(gunzipSync(readFileSync(path)).toString())))
}

/** A checkpoint of which only the names and shapes are known. */
export function tableOf(shapes: Shapes): Pick<TensorTable, 'path' | 'tensors'> {
  const info = (shape: readonly number[]): TensorInfo => ({
    file: 'model',
    dtype: 'F32',
    shape,
    byteOffset: 0,
    byteLength: 0,
  })
  return { path: 'model', tensors: new Map([...shapes].map(([name, shape]) => [name, info(shape)])) }
}

export const shapesOf = (...specs: ReadonlyMap<string, ParameterSpec>[]): Map<string, readonly number[]> =>
  new Map(specs.flatMap((part) => [...part.values()].map(({ name, shape }) => [name, shape] as const)))

/** Everything that captioning needs, at another size of pictures where given. */
export function captioningShapes(architecture: Architecture, imageSize = architecture.vision.imageSize) {
  const { vision, bridge, language } = architectureSpecs({
    ...architecture,
    vision: { ...architecture.vision, imageSize },
  })
  return shapesOf(vision, bridge, language)
}

/** The encoder and what stage 1 trains. */
export function stage1Shapes({ vision, ...config }: Architecture, imageSize = vision.imageSize) {
  const sized = { ...vision, imageSize }
  const { scope } = stage1(
    new Graph(),
    { ...config, embeddingWidth: PAPER_EMBEDDING_WIDTH },
    { batch: 2, patches: 1 + patchCount(sized), tokens: 8, decoderToken: 30_522, padToken: 0, itcGradient: 'full' },
  )
  return shapesOf(architectureSpecs({ ...config, vision: sized }).vision, scope.specs)
}

/** The Q-Former's weights that BERT has: with BERT's vocabulary, without queries, cross-attention and projections. */
export function bertStartShapes(architecture: Architecture) {
  const vocabularySize = paperQFormer(1).vocabularySize - 1
  const all = stage1Shapes({ ...architecture, qformer: { ...architecture.qformer, vocabularySize } })
  return new Map([...all].filter(([name]) => name.startsWith('Qformer.') && !name.includes('.crossattention.')))
}
