import { expect, it } from 'vitest'
import { PICTURE_SIZE } from '../../../src/data/emoji/render.js'
import { createEvaluationView } from '../../../src/image/augment.js'
import { columnStatistics } from '../../../src/train/vision/columnStatistics.js'
import { featureStatistics } from '../../../src/train/vision/featureStatistics.js'
import { emojiVision } from '../../../src/train/vision/presets.js'
import { type VisionTrainingConfig, visionTask } from '../../../src/train/vision/trainVision.js'
import { FrozenEncoder } from '../../../src/train/pretrain/frozenEncoder.js'
import { heldWeights } from '../../../src/weights/heldWeights.js'
import { tinyDrawings } from './tinyDrawings.js'

const config: VisionTrainingConfig = {
  ...emojiVision,
  vision: { imageSize: 16, patchSize: 8, width: 16, layers: 1, heads: 2, feedForward: 32, layerNormEpsilon: 1e-5 },
  batch: 12,
}

it('gives the frozen encoder features of mean 0 and deviation 1 over the training pictures', async () => {
  await using task = await visionTask(config, tinyDrawings)
  const { memory } = task.program
  const statistics = await featureStatistics(config, memory, tinyDrawings)
  const weights = new Map([
    ...memory.parameters.map(({ name, value }) => [name, value] as const),
    ...[...statistics].map(([name, { data }]) => [name, data] as const),
  ])
  const { mean, std, vision } = config
  const pictures = tinyDrawings.split('train')
  const encoder = {
    config: { kind: 'clip' as const, ...vision, standardizedFeatures: true, featurePlaces: 0 },
    mean,
    std,
    open: async () => heldWeights(weights),
  }
  const frozen = await FrozenEncoder.create(encoder, pictures.length)
  const size = 3 * vision.imageSize ** 2
  const images = new Float32Array(pictures.length * size)
  const view = createEvaluationView({ size: vision.imageSize, mean, std })
  pictures.forEach((picture, i) => {
    view({ rgba: tinyDrawings.rgba(picture), size: PICTURE_SIZE }, images, i * size)
  })
  const { data, shape } = await frozen.encode(images)
  const after = columnStatistics(data as Float32Array, shape[1]! * shape[2]!)
  await frozen.dispose()
  // The class token's place is the same in all pictures only before the first layer.
  expect(Math.max(...after.mean.map(Math.abs))).toBeLessThan(1e-3)
  for (const value of after.std) expect(value).toBeCloseTo(1, 3)
})
