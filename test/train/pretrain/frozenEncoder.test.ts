import { describe, expect, it } from 'vitest'
import { WeightsError } from '../../../src/errors.js'
import { Graph } from '../../../src/graph/index.js'
import { imageFeatures } from '../../../src/models/imageEncoder.js'
import { Scope } from '../../../src/nn/scope.js'
import { serializeFunction } from '../../../src/runtime/serializedFunction.js'
import { visionSpecs } from '../../../src/train/partSpecs.js'
import { FrozenEncoder } from '../../../src/train/pretrain/frozenEncoder.js'
import { stage1Task } from '../../../src/train/pretrain/stage1Task.js'
import { Random } from '../../../src/train/random/random.js'
import type { GraphWeights } from '../../../src/weights/heldWeights.js'
import { ownNames } from '../../../src/weights/names/layout.js'
import { checkpointPart } from '../../../src/weights/partSource.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../../src/weights/safetensors/write.js'
import { withTemporaryDirectory } from '../../weights/temporary.js'
import { stage1Config, tinyEncoder, tinyPictures, wordPiece } from './tiny.js'

const file = withTemporaryDirectory()
const encoder = tinyEncoder()
const { imageSize } = encoder.config
const specs = visionSpecs({ vision: encoder.config })

/** The encoder in a file, whose weights are not read but mapped. */
async function mappedEncoder(dtype: 'F32' | 'F16') {
  const path = file(`${dtype}.safetensors`)
  const tensors = [...encoder.weights].map(([name, data]) => [name, { shape: specs.get(name)!.shape, data }] as const)
  await writeSafetensors(path, new Map(tensors), { dtype })
  const part = checkpointPart({ openTable: () => SafetensorsFile.open(path), layout: ownNames })
  return { ...encoder, open: () => part.open(specs, { weights: 'mapped', cacheDirectory: file('cache') }) }
}

function graphBytes(weights: GraphWeights): number {
  const graph = new Graph()
  const images = graph.input('images', 'float32', [2, 3, imageSize, imageSize])
  return serializeFunction(graph, { features: imageFeatures(new Scope(graph), encoder.config, images) }, weights).bytes
    .length
}

async function featuresOf(of: typeof encoder): Promise<Float32Array> {
  const random = new Random(5, 'pictures')
  const images = Float32Array.from({ length: 4 * 3 * imageSize ** 2 }, () => random.normal())
  const frozen = await FrozenEncoder.create(of, 2)
  const { data } = await frozen.encode(images)
  await frozen.dispose()
  return data as Float32Array
}

describe('a frozen encoder that is mapped from its file', () => {
  it('leaves its weights out of the graph', async () => {
    const [held, mapped] = [await encoder.open(), await (await mappedEncoder('F32')).open()]
    const weightBytes = [...encoder.weights.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    for (const name of encoder.weights.keys()) expect(mapped.weight(name).kind).toBe('external')
    expect(graphBytes(held) - graphBytes(mapped)).toBeGreaterThan(0.8 * weightBytes)
  })

  it.each([
    ['F32', 1e-6],
    ['F16', 5e-3],
  ] as const)('gives the features of one in memory: %s', async (dtype, tolerance) => {
    const [expected, found] = [await featuresOf(encoder), await featuresOf(await mappedEncoder(dtype))]
    found.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(tolerance * Math.max(1, Math.abs(expected[i]!)))
    })
  })

  it('takes the same step of stage 1', async () => {
    const losses = await Promise.all(
      [encoder, await mappedEncoder('F32')].map(async (of) => {
        await using task = await stage1Task(stage1Config(1), {
          encoder: of,
          pictures: tinyPictures,
          tokenizer: wordPiece,
        })
        return (await task.program.run(0, await task.feeds(0)))['loss']!
      }),
    )
    expect(losses[1]).toBeCloseTo(losses[0]!, 5)
  })

  it('is strict: a weight that the file lacks is named', async () => {
    const whole = await mappedEncoder('F32')
    const path = file('less.safetensors')
    const [first, ...rest] = [...encoder.weights]
    await writeSafetensors(path, new Map(rest.map(([name, data]) => [name, { shape: specs.get(name)!.shape, data }])))
    const part = checkpointPart({ openTable: () => SafetensorsFile.open(path), layout: ownNames })
    const open = () => part.open(specs, { cacheDirectory: file('cache') })
    const opened = FrozenEncoder.create({ ...whole, open }, 2)
    await expect(opened).rejects.toThrow(WeightsError)
    await expect(opened).rejects.toThrow(first![0])
  })
})
