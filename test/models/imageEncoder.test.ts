import { expect, test } from 'vitest'
import { embeddedFloats, Graph } from '../../src/graph/index.js'
import { type ImageEncoderConfig, imageFeatures } from '../../src/models/imageEncoder.js'
import { placeCodes } from '../../src/models/placeCodes.js'
import { Scope } from '../../src/nn/scope.js'
import { CompiledFunction, float32 } from '../../src/runtime/index.js'
import { randomWeights } from './randomWeights.js'

const base = {
  kind: 'clip',
  imageSize: 12,
  patchSize: 4,
  width: 8,
  layers: 1,
  heads: 2,
  feedForward: 16,
  layerNormEpsilon: 1e-5,
  standardizedFeatures: true,
} as const

async function features(config: ImageEncoderConfig): Promise<Float32Array> {
  const graph = new Graph()
  const p = new Scope(graph)
  const output = imageFeatures(p, config, graph.input('images', 'float32', [1, 3, 12, 12]))
  const weights = randomWeights(p.specs)
  const weight = (name: string) => embeddedFloats(Float32Array.from(weights[name]!.data))
  const compiled = await CompiledFunction.create(graph, { output }, { weight })
  try {
    const images = float32(
      [1, 3, 12, 12],
      Float32Array.from({ length: 432 }, (_, i) => Math.sin(i)),
    )
    return (await compiled.run({ images })).output.data.slice() as Float32Array
  } finally {
    await compiled.dispose()
  }
}

test('places are added to standardised features, with the root mean square asked for; none to the class token', async () => {
  const [plain, placed] = [
    await features({ ...base, featurePlaces: 0 }),
    await features({ ...base, featurePlaces: 0.7 }),
  ]
  const added = placed.map((value, i) => value - plain[i]!)
  expect(Math.max(...added.subarray(0, 8).map(Math.abs))).toBe(0)
  const squares = added.subarray(8).map((value) => value * value)
  expect(Math.sqrt(squares.reduce((a, b) => a + b) / squares.length)).toBeCloseTo(0.7, 3)
})

test('each place has codes of its own: columns in the first half, rows in the second', () => {
  const codes = placeCodes(3, 8, 1)
  const row = (patch: number, from: number, to: number) => codes.slice((1 + patch) * 8 + from, (1 + patch) * 8 + to)
  expect(row(0, 0, 4)).toEqual(row(3, 0, 4))
  expect(row(0, 4, 8)).toEqual(row(1, 4, 8))
  const all = Array.from({ length: 9 }, (_, patch) => row(patch, 0, 8).join())
  expect(new Set(all).size).toBe(9)
})
