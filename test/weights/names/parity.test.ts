import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { Graph, type Tensor } from '../../../src/graph/index.js'
import {
  type BridgeConfig,
  decodeText,
  encodePrefix,
  encodeText,
  imageEmbedding,
  joint,
  matchHead,
  queryImage,
  softPrompt,
  softPromptT5,
  textEmbedding,
  visionNorm,
} from '../../../src/models/blip2.js'
import { evaVit } from '../../../src/models/evaVit.js'
import { type OptConfig, optHead } from '../../../src/models/opt.js'
import { type T5Config, t5Decode, t5Head } from '../../../src/models/t5.js'
import { clipVit } from '../../../src/models/vit.js'
import { Scope } from '../../../src/nn/scope.js'
import { float32, int64 } from '../../../src/runtime/index.js'
import { loadPlanned } from '../../../src/weights/names/load.js'
import { planWeights } from '../../../src/weights/names/plan.js'
import { recognizeLayout } from '../../../src/weights/names/recognize.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'
import { evaluate } from '../../parity/evaluate.js'
import type { Values } from '../../parity/fixture.js'
import { shapesOf } from './shapes.js'

// The sizes of reference/hub_parity.py.
const VISION = { imageSize: 8, patchSize: 4, width: 12, layers: 2, heads: 2, feedForward: 20 }
const OPT: OptConfig = {
  vocabularySize: 40,
  width: 8,
  layers: 2,
  heads: 2,
  feedForward: 16,
  maxPositions: 20,
  layerNormEpsilon: 1e-5,
}
const T5: T5Config = {
  vocabularySize: 40,
  width: 8,
  encoderLayers: 2,
  decoderLayers: 2,
  heads: 2,
  headSize: 4,
  feedForward: 16,
  relativeBuckets: 8,
  relativeMaxDistance: 128,
  layerNormEpsilon: 1e-6,
  gelu: 'tanh',
}
const BRIDGE: BridgeConfig = {
  // transformers normalises the encoder's output with the encoder's epsilon, the authors with 1e-5.
  visionLayerNormEpsilon: 1e-6,
  qformer: {
    vocabularySize: 40,
    width: 16,
    layers: 2,
    heads: 2,
    feedForward: 24,
    maxPositions: 10,
    queries: 3,
    encoderWidth: 12,
    crossAttentionEvery: 2,
    layerNormEpsilon: 1e-12,
  },
}

const folder = (name: string) => fileURLToPath(new URL(`../../fixtures/names/parity/${name}`, import.meta.url))

interface Drawing {
  readonly p: Scope
  readonly images: Tensor
  readonly ids: Tensor
  readonly mask: Tensor
}

/** What transformers computed, and what we compute from its weights. */
async function compare(name: string, draw: (drawing: Drawing) => Record<string, Tensor>) {
  const given = await readValues(`${folder(name)}/values.safetensors`)
  const graph = new Graph()
  const p = new Scope(graph)
  const outputs = draw({
    p,
    images: graph.input('images', 'float32', [2, 3, 8, 8]),
    ids: graph.input('ids', 'int64', [2, 5]),
    mask: graph.input('mask', 'int64', [2, 5]),
  })
  await using file = await SafetensorsFile.open(`${folder(name)}/model.safetensors`)
  const loaded = await loadPlanned(file, planWeights(file, recognizeLayout(file), shapesOf(p.specs)))
  const weights = [...loaded].map(([own, data]) => [own, float32(p.specs.get(own)!.shape, data)] as const)
  return { given, found: await evaluate(outputs, { ...given, ...Object.fromEntries(weights) }) }
}

async function readValues(path: string): Promise<Values> {
  await using file = await SafetensorsFile.open(path)
  const values: Values = {}
  for (const [name, { dtype, shape }] of file.tensors)
    values[name] =
      dtype === 'I64' ? int64(shape, await file.readInt64(name)) : float32(shape, await file.readFloat32(name))
  return values
}

function expectClose(found: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): void {
  expect(found.length).toBe(expected.length)
  const errors = Array.from(found, (value, i) => Math.abs(Number(value) - Number(expected[i])))
  expect(Math.max(...errors)).toBeLessThan(1e-4)
}

const image = (p: Scope, images: Tensor) =>
  visionNorm(p, BRIDGE, evaVit(p.in('visual_encoder'), { ...VISION, layerNormEpsilon: 1e-6 }, images).output)

describe('weights of transformers’ models, mapped to our names, compute what transformers computes', () => {
  it('BLIP-2 with OPT', async () => {
    const config = { ...BRIDGE, language: OPT }
    const { given, found } = await compare('blip2-opt', ({ p, images, ids, mask }) => {
      const prompt = softPrompt(p, config, queryImage(p, config, image(p, images)).output)
      return { logits: optHead(p.in('opt_model'), OPT, decodeText(p, config, prompt, ids, mask).output) }
    })
    expectClose(found['logits']!.data, given['logits']!.data)
  })

  it('BLIP-2 with T5', async () => {
    const config = { ...BRIDGE, language: T5 }
    const { given, found } = await compare('blip2-t5', ({ p, images, ids, mask }) => {
      const prompt = softPromptT5(p, config, queryImage(p, config, image(p, images)).output)
      const { encoded, mask: encodedMask } = encodePrefix(p, config, prompt, ids, mask)
      const model = p.in('t5_model')
      return { logits: t5Head(model, T5, t5Decode(model, T5, { ids, mask, encoded, encodedMask }).output) }
    })
    expectClose(found['logits']!.data, given['logits']!.data)
  })

  it('retrieval', async () => {
    const config = { ...BRIDGE, embeddingWidth: 6 }
    const { given, found } = await compare('blip2-retrieval', ({ p, images, ids, mask }) => {
      const seen = image(p, images)
      return {
        match: matchHead(p, joint(p, config, seen, ids, mask)),
        pictures: imageEmbedding(p, config, queryImage(p, config, seen).output),
        texts: textEmbedding(p, config, encodeText(p, config, ids, mask)),
      }
    })
    const numbers = (name: string) => Array.from(found[name]!.data, Number)
    // Logits averaged over the 3 queries.
    const logits = [0, 1, 2, 3].map((i) => {
      const [row, label] = [i >> 1, i & 1]
      return [0, 1, 2].reduce((sum, query) => sum + numbers('match')[(row * 3 + query) * 2 + label]! / 3, 0)
    })
    expectClose(logits, given['match']!.data)
    // Cosine of each picture's nearest query.
    const [pictures, texts] = [numbers('pictures'), numbers('texts')]
    const similarity = [0, 1, 2, 3].map((i) => {
      const [picture, text] = [i >> 1, i & 1]
      const cosine = (query: number) =>
        [0, 1, 2, 3, 4, 5].reduce((sum, k) => sum + pictures[(picture * 3 + query) * 6 + k]! * texts[text * 6 + k]!, 0)
      return Math.max(cosine(0), cosine(1), cosine(2))
    })
    expectClose(similarity, given['similarity']!.data)
  })

  it('CLIP’s second-last layer', async () => {
    const { given, found } = await compare('clip', ({ p, images }) => ({
      hidden: clipVit(p.in('visual_encoder'), { ...VISION, layerNormEpsilon: 1e-5 }, images).output,
    }))
    expectClose(found['hidden']!.data, given['hidden']!.data)
  })
})
