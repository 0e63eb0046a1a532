import { expect, it } from 'vitest'
import { IMAGE_ENCODER } from '../../../src/models/imageEncoder.js'
import type { ClipVitConfig } from '../../../src/models/vit.js'
import { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'
import { initializeMimetic } from '../../../src/train/vision/mimeticInitialization.js'

const config: ClipVitConfig = {
  imageSize: 32,
  patchSize: 8,
  width: 64,
  layers: 1,
  heads: 4,
  feedForward: 64,
  layerNormEpsilon: 1e-5,
}
const ATTENTION = `${IMAGE_ENCODER}.transformer.resblocks.0.attn`

function initialized(seed: number) {
  const { width } = config
  const memory = new ParameterMemory([
    { name: `${IMAGE_ENCODER}.positional_embedding`, shape: [17, width] },
    { name: `${ATTENTION}.in_proj_weight`, shape: [3 * width, width] },
    { name: `${ATTENTION}.out_proj.weight`, shape: [width, width] },
  ])
  initializeMimetic(memory, config, seed)
  return memory
}

it('makes a token attend to tokens like itself', () => {
  const weight = initialized(1).value(`${ATTENTION}.in_proj_weight`)
  // Score of the unit vectors i and j in the first head, whose rows are the first 16 of query and of key.
  const score = (i: number, j: number) => {
    let sum = 0
    for (let row = 0; row < 16; row++) sum += weight[row * 64 + i]! * weight[(64 + row) * 64 + j]!
    return sum
  }
  const range = Array.from({ length: 64 }, (_, i) => i)
  const own = range.map((i) => score(i, i)).reduce((a, b) => a + b) / 64
  const other = range.map((i) => Math.abs(score(i, (i + 1) % 64))).reduce((a, b) => a + b) / 64
  expect(own).toBeGreaterThan(3 * other)
})

it('takes away from a token a part of what it attends to', () => {
  const memory = initialized(1)
  const value = memory.value(`${ATTENTION}.in_proj_weight`).subarray(2 * 64 * 64)
  const output = memory.value(`${ATTENTION}.out_proj.weight`)
  let trace = 0
  for (let i = 0; i < 64; i++) for (let k = 0; k < 64; k++) trace += output[i * 64 + k]! * value[k * 64 + i]!
  expect(trace / 64).toBeCloseTo(-0.5 * 0.7 ** 2, 1)
})

it('puts patches near to each other at like places, and the class token at none', () => {
  const positions = initialized(1).value(`${IMAGE_ENCODER}.positional_embedding`)
  const place = (token: number) => positions.subarray(token * 64, (token + 1) * 64)
  const likeness = (a: number, b: number) => place(a).reduce((sum, value, i) => sum + value * place(b)[i]!, 0)
  expect(place(0).every((value) => value === 0)).toBe(true)
  expect(likeness(1, 1)).toBeGreaterThan(likeness(1, 2))
  expect(likeness(1, 2)).toBeGreaterThan(likeness(1, 4))
})

it('is the same for a seed, and another for another', () => {
  const weights = (seed: number) => [...initialized(seed).value(`${ATTENTION}.out_proj.weight`)]
  expect(weights(1)).toEqual(weights(1))
  expect(weights(1)).not.toEqual(weights(2))
})
