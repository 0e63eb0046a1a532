import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/errors.js'
import { FrozenEncoder } from '../../../src/train/pretrain/frozenEncoder.js'
import { startingVision } from '../../../src/train/finetune/startingVision.js'
import { Random } from '../../../src/train/random/random.js'
import { heldWeights } from '../../../src/weights/heldWeights.js'
import { tinyEncoder } from '../pretrain/tiny.js'

const images = (step: number) => {
  const random = new Random(step, 'pictures')
  return Float32Array.from({ length: 16 * 3 * 32 * 32 }, () => random.normal())
}

describe('the encoder that fine-tuning starts with', () => {
  it('is the given one where the pictures keep their size', async () => {
    const encoder = tinyEncoder()
    expect((await startingVision(encoder, 16, 16, images)).weights).toBe(encoder.weights)
  })

  it('has a place for each patch of larger pictures, and features of mean 0 and deviation 1', async () => {
    const { weights, config, ...rest } = await startingVision(tinyEncoder(), 32, 16, images)
    expect(weights.get('visual_encoder.positional_embedding')).toHaveLength(17 * config.width)
    const encoder = await FrozenEncoder.create({ ...rest, config, open: async () => heldWeights(weights) }, 16)
    const { data } = await encoder.encode(images(1))
    const values = Array.from(data as Float32Array)
    const mean = values.reduce((a, b) => a + b) / values.length
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    expect(Math.abs(mean)).toBeLessThan(0.1)
    expect(deviation).toBeGreaterThan(0.9)
    expect(deviation).toBeLessThan(1.1)
    await encoder.dispose()
  })

  it('refuses pictures that do not part into patches', async () => {
    await expect(startingVision(tinyEncoder(), 30, 16, images)).rejects.toThrow(ConfigError)
  })
})
