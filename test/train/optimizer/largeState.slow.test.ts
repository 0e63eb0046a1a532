import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadLatestCheckpoint } from '../../../src/train/checkpoint/load.js'
import { saveCheckpoint } from '../../../src/train/checkpoint/save.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'

/** 16 bytes of memory each, of which a checkpoint has 12: by default 9 GB, and a file of moments beyond 4 GiB. */
const PARAMETERS = Number(process.env['BLIP2_LARGE_PARAMETERS'] ?? 560e6)
const MATRICES = 28
const WIDTH = 1000
const SPECS = [
  ...Array.from({ length: MATRICES }, (_, i) => ({
    name: `layer.${i}.weight`,
    shape: [Math.round(PARAMETERS / MATRICES / WIDTH), WIDTH],
  })),
  { name: 'last.bias', shape: [7] },
]
const LR = 1e-2
const STEPS = 2

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-large-state-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** Of element `i` of parameter `p`: alike nowhere near, and exact in float32. */
const initial = (p: number, i: number): number => ((i + 31 * p) % 257) / 256
const gradient = (p: number, i: number): number => ((i + 17 * p) % 127) / 1024 - 0.05

/** The value after the steps, in float64 (Loshchilov and Hutter 2019, algorithm 2). */
function expectedValue(p: number, i: number, weightDecay: number): number {
  const [beta1, beta2] = [0.9, 0.98]
  let [value, first, second] = [Math.fround(initial(p, i)), 0, 0]
  const g = Math.fround(gradient(p, i))
  for (let step = 1; step <= STEPS; step++) {
    first = beta1 * first + (1 - beta1) * g
    second = beta2 * second + (1 - beta2) * g * g
    value -= LR * weightDecay * value
    value -= (LR * (first / (1 - beta1 ** step))) / (Math.sqrt(second / (1 - beta2 ** step)) + 1e-8)
  }
  return value
}

const seconds = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`

it('an optimiser with more state than one memory can address steps, is saved and restored', {
  timeout: 900_000,
}, async () => {
  const memory = new ParameterMemory(SPECS)
  const state = 16 * memory.arenaLength
  for (const [p, { value, gradient: g }] of memory.parameters.entries())
    for (let i = 0; i < value.length; i++) {
      value[i] = initial(p, i)
      g[i] = gradient(p, i)
    }
  const optimizer = new AdamW(memory, { groups: parameterGroups(memory.parameters, { weightDecay: 0.05 }) })
  let start = performance.now()
  for (let step = 0; step < STEPS; step++) optimizer.step({ lr: LR })
  console.log(
    `${memory.arenas('value').length} memories, ${(state / 1e9).toFixed(2)} GB: ${STEPS} steps in ${seconds(start)}`,
  )
  // The ends of every parameter, so those of every memory, and places between.
  for (const [p, { name, shape, value }] of memory.parameters.entries())
    for (const i of [0, 1, value.length >> 1, value.length - 2, value.length - 1])
      expect(value[i], `${name}[${i}]`).toBeCloseTo(expectedValue(p, i, shape.length === 1 ? 0 : 0.05), 5)

  start = performance.now()
  const weights = () => new Map(memory.parameters.map(({ name, shape, value }) => [name, { shape, data: value }]))
  const path = await saveCheckpoint(directory, {
    ...{ step: STEPS, configHash: 'large', state: { optimizerSteps: optimizer.steps } },
    ...{ weights: weights(), optimizer: optimizer.moments() },
  })
  const { size } = await stat(join(path, 'optimizer.safetensors'))
  console.log(`written in ${seconds(start)}: ${(size / 2 ** 30).toFixed(2)} GiB of moments`)
  expect(size).toBeGreaterThan(8 * PARAMETERS * 0.99)
  const saved = checksums(memory)

  for (const role of ['value', 'firstMoment', 'secondMoment'] as const)
    for (const arena of memory.arenas(role)) arena.fill(-1)
  start = performance.now()
  const checkpoint = await loadLatestCheckpoint(directory, { configHash: 'large' })
  await checkpoint!.restoreWeights(weights())
  await checkpoint!.restoreOptimizer(optimizer.moments())
  console.log(`verified and read in ${seconds(start)}, ${(process.memoryUsage().rss / 1e9).toFixed(2)} GB of process`)
  expect(checksums(memory)).toEqual(saved)
  // Nothing of a second copy: the state, the pages that are written or read, and Node.
  expect(process.memoryUsage().rss).toBeLessThan(state + 1e9)
})

/** Of each array of each parameter: its sum in float64, and its sum weighted by place. */
function checksums({ parameters }: ParameterMemory): Record<string, readonly [number, number]> {
  const of = (values: Float32Array): readonly [number, number] => {
    let [sum, weighted] = [0, 0]
    for (let i = 0; i < values.length; i++) {
      sum += values[i]!
      weighted += values[i]! * (i % 1021)
    }
    return [sum, weighted]
  }
  return Object.fromEntries(
    parameters.flatMap(({ name, value, firstMoment, secondMoment }) => [
      [name, of(value)],
      [`first moment of ${name}`, of(firstMoment)],
      [`second moment of ${name}`, of(secondMoment)],
    ]),
  )
}
