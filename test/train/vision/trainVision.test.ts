import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { train } from '../../../src/train/loop.js'
import { emojiVision } from '../../../src/train/vision/presets.js'
import { type VisionTrainingConfig, visionTask } from '../../../src/train/vision/trainVision.js'
import { tinyDrawings } from './tinyDrawings.js'

const config: VisionTrainingConfig = {
  ...emojiVision,
  vision: { imageSize: 16, patchSize: 8, width: 16, layers: 1, heads: 2, feedForward: 32, layerNormEpsilon: 1e-5 },
  batch: 12,
  steps: 30,
  warmupSteps: 2,
  peakLearningRate: 3e-3,
  validateEvery: 20,
}

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-vision-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

it('trains the encoder, with the recall of an unseen style where it is due', async () => {
  await using task = await visionTask(config, tinyDrawings)
  await train(task, { directory })
  const lines = (await readFile(join(directory, 'metrics.jsonl'), 'utf8')).trim().split('\n')
  const metrics = lines.map((line) => JSON.parse(line) as Record<string, number>)
  const mean = (part: typeof metrics) => part.reduce((sum, { loss }) => sum + loss!, 0) / part.length
  expect(mean(metrics.slice(-5))).toBeLessThan(mean(metrics.slice(0, 5)))
  const scored = metrics.filter((line) => 'valStyleRecallAt1' in line)
  expect(scored.map(({ step }) => step)).toEqual([20, 30])
  for (const { valStyleRecallAt1 } of scored) {
    expect(valStyleRecallAt1).toBeGreaterThanOrEqual(0)
    expect(valStyleRecallAt1).toBeLessThanOrEqual(1)
  }
})
