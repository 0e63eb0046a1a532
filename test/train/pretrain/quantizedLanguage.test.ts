import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { architectureSpecs } from '../../../src/models/architectureSpecs.js'
import { weightBits } from '../../../src/quantize/weightBits.js'
import { type FrozenLanguage, stage2Task } from '../../../src/train/pretrain/stage2Task.js'
import type { GraphWeights } from '../../../src/weights/heldWeights.js'
import { mapQuantized } from '../../../src/weights/quantize/open.js'
import { writeQuantized } from '../../../src/weights/quantize/write.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'
import { bpe, stage2Config, tinyEncoder, tinyLanguage, tinyPictures } from './tiny.js'

const config = stage2Config(6)

let directory: string
let mapped: GraphWeights
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-quantized-language-'))
  const language = { kind: 'opt' as const, ...config.model.language }
  const architecture = { ...config.model, vision: tinyEncoder().config, language }
  const bits = weightBits(architecture, { languageModel: 'q8' })
  const specs = architectureSpecs(architecture).language
  const path = join(directory, 'language.safetensors')
  const weights = [...tinyLanguage()].map(([name, data]) => {
    return { name, shape: specs.get(name)!.shape, bits: bits(name), read: async () => data }
  })
  const report = await writeQuantized(path, weights)
  // Four of attention, two of the feed-forward layer, and the table that is head and embedding.
  expect(report).toHaveLength(7)
  await using file = await SafetensorsFile.open(path)
  mapped = await mapQuantized(file, specs)
})
afterAll(() => rm(directory, { recursive: true }))

const open = (language: FrozenLanguage, recompute = false) =>
  stage2Task(
    { ...config, dropout: 0 },
    { encoder: tinyEncoder(), pictures: tinyPictures, language, tokenizer: bpe, stage1: undefined, recompute },
  )

/** The loss and all gradients of the first step. */
async function firstStep(language: FrozenLanguage, recompute = false) {
  await using task = await open(language, recompute)
  const { loss } = await task.program.run(0, await task.feeds(0))
  return { loss: loss!, gradients: task.program.memory.arenas('gradient')[0]!.slice() }
}

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

describe('stage 2 with a frozen language model of 8 bits', () => {
  it('has the gradients of the one in float32, and the same ones where layers are computed again', async () => {
    const float = await firstStep(tinyLanguage())
    const quantized = await firstStep(mapped)
    expect(quantized.gradients).toHaveLength(float.gradients.length)
    expect(Math.abs(quantized.loss / float.loss - 1)).toBeLessThan(0.01)
    expect(cosine(quantized.gradients, float.gradients)).toBeGreaterThan(0.99)
    const again = await firstStep(mapped, true)
    expect(cosine(again.gradients, quantized.gradients)).toBeCloseTo(1, 6)
  })
})
