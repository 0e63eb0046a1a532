import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'

interface GoldenConfig {
  steps: number
  groups: { weight_decay: number; params: string[] }[]
  runs: Record<string, { betas: [number, number]; eps: number; lrs: number[] }>
}

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/golden/optimizer/${name}`, import.meta.url))
const config: GoldenConfig = JSON.parse(readFileSync(fixture('config.json'), 'utf8'))

describe('AdamW beside the authors’ runs', () => {
  let inputs: SafetensorsFile
  let expected: SafetensorsFile
  beforeAll(async () => {
    inputs = await SafetensorsFile.open(fixture('inputs.safetensors'))
    expected = await SafetensorsFile.open(fixture('expected.safetensors'))
  })
  afterAll(() => Promise.all([inputs.close(), expected.close()]))

  const parameters = () =>
    [...inputs.tensors]
      .filter(([name]) => name.startsWith('init.'))
      .map(([name, { shape }]) => ({ name: name.slice('init.'.length), shape }))

  it('groups the parameters as they do', () => {
    const golden = config.groups.map(({ weight_decay, params }) => [weight_decay, params.sort()])
    const groups = parameterGroups(parameters()).map(({ weightDecay, names }) => [weightDecay, [...names].sort()])
    expect(groups).toEqual(golden)
  })

  it.each(Object.entries(config.runs))('run %s, every value after every step', async (run, { betas, eps, lrs }) => {
    const memory = new ParameterMemory(parameters())
    const adamw = new AdamW(memory, { groups: parameterGroups(parameters()), betas, eps })
    for (const { name, value } of memory.parameters) await inputs.readFloat32(`init.${name}`, value)
    let largest = 0
    for (let step = 0; step < config.steps; step++) {
      for (const { name, gradient } of memory.parameters) await inputs.readFloat32(`grad.${step}.${name}`, gradient)
      adamw.step({ lr: lrs[step]! })
      for (const { name, value } of memory.parameters) {
        const golden = await expected.readFloat32(`${run}.step${step}.${name}`)
        golden.forEach((number, i) => {
          largest = Math.max(largest, Math.abs(number - value[i]!))
        })
      }
    }
    expect(largest).toBeLessThanOrEqual(1e-6)
  })
})
