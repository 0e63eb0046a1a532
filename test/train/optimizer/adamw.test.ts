import { describe, expect, it } from 'vitest'

import { ConfigError, NonFiniteError } from '../../../src/errors.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'
import { Random } from '../../../src/train/random/random.js'

const SPECS = [
  { name: 'weight', shape: [7, 5] },
  { name: 'bias', shape: [7] },
  { name: 'temp', shape: [] },
]

function fillNormal(random: Random, array: Float32Array, scale: number): void {
  for (let i = 0; i < array.length; i++) array[i] = scale * random.normal()
}

/** AdamW by its definition, one number at a time in float64. */
class ReferenceAdamW {
  readonly value: Float64Array
  readonly #first: Float64Array
  readonly #second: Float64Array
  #steps = 0

  constructor(value: Float32Array) {
    this.value = Float64Array.from(value)
    this.#first = new Float64Array(value.length)
    this.#second = new Float64Array(value.length)
  }

  step(gradient: Float32Array, lr: number, weightDecay: number, scale: number): void {
    const [beta1, beta2, eps] = [0.9, 0.98, 1e-8]
    this.#steps++
    gradient.forEach((raw, i) => {
      const g = raw * scale
      this.value[i]! *= 1 - lr * weightDecay
      this.#first[i] = beta1 * this.#first[i]! + (1 - beta1) * g
      this.#second[i] = beta2 * this.#second[i]! + (1 - beta2) * g * g
      const mean = this.#first[i]! / (1 - beta1 ** this.#steps)
      const square = this.#second[i]! / (1 - beta2 ** this.#steps)
      this.value[i]! -= (lr * mean) / (Math.sqrt(square) + eps)
    })
  }
}

describe('AdamW', () => {
  it('agrees with float64 to 1e-6, with clipping, accumulation and layer-wise rates', () => {
    const random = new Random(1)
    const memory = new ParameterMemory(SPECS)
    for (const { value } of memory.parameters) fillNormal(random, value, 0.1)
    const lrScale = (name: string) => (name === 'bias' ? 0.5 : 1)
    const adamw = new AdamW(memory, { groups: parameterGroups(SPECS, { lrScale }) })
    const references = memory.parameters.map(({ value }) => new ReferenceAdamW(value))
    for (let step = 0; step < 50; step++) {
      // From gradients that are clipped hard to some that are far below eps.
      for (const { gradient } of memory.parameters) fillNormal(random, gradient, 10 ** (2 - step / 4))
      const all = memory.parameters.flatMap(({ gradient }) => [...gradient])
      const norm = Math.sqrt(all.reduce((sum, g) => sum + (g / 4) ** 2, 0))
      const { gradientNorm } = adamw.step({ lr: 0.01, clipNorm: 1, gradientScale: 1 / 4 })
      expect(gradientNorm / norm).toBeCloseTo(1, 12)
      const scale = Math.min(1, 1 / (norm + 1e-6)) / 4
      memory.parameters.forEach(({ name, gradient }, i) => {
        references[i]!.step(gradient, 0.01 * lrScale(name), name === 'bias' ? 0 : 0.05, scale)
      })
    }
    memory.parameters.forEach(({ value }, i) => {
      value.forEach((number, j) => {
        expect(Math.abs(number - references[i]!.value[j]!)).toBeLessThan(1e-6)
      })
    })
  })

  it('goes on exactly where restored moments and steps left off', () => {
    const random = new Random(2)
    const run = (steps: number, from?: { memory: ParameterMemory; adamw: AdamW }) => {
      const memory = new ParameterMemory(SPECS)
      const adamw = new AdamW(memory, { groups: parameterGroups(SPECS) })
      if (from !== undefined) {
        for (const { name, value } of memory.parameters) value.set(from.memory.value(name))
        for (const [name, { data }] of adamw.moments()) data.set(from.adamw.moments().get(name)!.data)
        adamw.steps = from.adamw.steps
      }
      for (let i = 0; i < steps; i++) {
        for (const { name, gradient } of memory.parameters)
          fillNormal(random.fork(`${name} ${adamw.steps}`), gradient, 1)
        adamw.step({ lr: 0.01 })
      }
      return { memory, adamw }
    }
    const whole = run(6)
    const resumed = run(3, run(3))
    for (const { name, value } of whole.memory.parameters) expect(resumed.memory.value(name)).toEqual(value)
  })

  it('names the parameter whose gradient is not finite and updates nothing', () => {
    const memory = new ParameterMemory(SPECS)
    const adamw = new AdamW(memory, { groups: parameterGroups(SPECS) })
    memory.gradient('weight').fill(1)
    memory.gradient('bias')[3] = Number.NaN
    expect(() => adamw.step({ lr: 1 })).toThrow(NonFiniteError)
    expect(() => adamw.step({ lr: 1 })).toThrow(/gradient of bias is NaN at element 3, after 0 steps/)
    expect(memory.value('weight').every((value) => value === 0)).toBe(true)
    // Squares beyond float32 are no reason to stop.
    memory.gradient('bias')[3] = 1e30
    expect(adamw.step({ lr: 1 }).gradientNorm).toBeCloseTo(1e30, -24)
  })

  it('keeps no subnormal moments, however long a gradient stays away', () => {
    const memory = new ParameterMemory([{ name: 'w', shape: [1, 16] }])
    const adamw = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
    memory.gradient('w').fill(1)
    adamw.step({ lr: 0.01 })
    memory.zeroGradients()
    for (let i = 0; i < 8000; i++) adamw.step({ lr: 0.01 })
    const { firstMoment, secondMoment } = memory.parameter('w')
    for (const moment of [...firstMoment, ...secondMoment]) expect(moment === 0 || moment > 1.2e-38).toBe(true)
    expect(firstMoment[0]).toBeLessThan(1e-28)
  })

  it('refuses groups that leave out or repeat a parameter, and values out of range', () => {
    const memory = new ParameterMemory(SPECS)
    const group = (names: string[]) => [{ names, weightDecay: 0 }]
    const all = ['weight', 'bias', 'temp']
    expect(() => new AdamW(memory, { groups: group(['weight', 'temp']) })).toThrow(/"bias" is in no group/)
    expect(() => new AdamW(memory, { groups: group([...all, 'temp']) })).toThrow(/"temp" is in two groups/)
    expect(() => new AdamW(memory, { groups: group([...all, 'other']) })).toThrow(ConfigError)
    expect(() => new AdamW(memory, { groups: group(all), betas: [0.9, 1] })).toThrow(ConfigError)
    expect(() => new AdamW(memory, { groups: group(all), eps: 0 })).toThrow(ConfigError)
  })
})
