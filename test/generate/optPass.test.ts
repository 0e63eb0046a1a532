import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generate } from '../../src/generate/generate.js'
import { OptGenerator } from '../../src/generate/optDecoder.js'
import { DEFAULT_GENERATION, type GenerationOptions } from '../../src/generate/options.js'
import { openGraphWeights } from '../../src/weights/graphWeights.js'
import { ownNames } from '../../src/weights/names/layout.js'
import { planWeights } from '../../src/weights/names/plan.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../src/weights/safetensors/write.js'
import { withTemporaryDirectory } from '../weights/temporary.js'
import { padded, readGenerateFixture } from './fixture.js'

const FIXTURE = fileURLToPath(new URL('../fixtures/generate/model.safetensors', import.meta.url))

const path = withTemporaryDirectory()
const { config, options: held, prompt, texts } = await readGenerateFixture()
let mapped: OptGenerator
const inMemory = new OptGenerator(config, held)

beforeAll(async () => {
  mapped = await openMapped('language.safetensors')
})
afterAll(async () => {
  await mapped.dispose()
  await inMemory.dispose()
})

describe('OPT from mapped weights, with one graph for prompt and tokens', () => {
  it.each([
    [1, 'left'],
    [3, 'left'],
    [3, 'right'],
  ] as const)('writes what it writes from memory: %i beams, padding on the %s', async (numBeams, side) => {
    const options: GenerationOptions = { ...DEFAULT_GENERATION, numBeams, maxNewTokens: 8, endTokens: [16] }
    const [one, other] = [inMemory, mapped].map((generator) => generator.decode(prompt, padded(texts, side), 8))
    const [expected, found] = [await generate(one!, options), await generate(other!, options)]
    expect(found.map((row) => row.map(({ ids }) => ids))).toEqual(expected.map((row) => row.map(({ ids }) => ids)))
    for (const [i, row] of found.entries())
      for (const [j, { score }] of row.entries()) expect(score).toBeCloseTo(expected[i]![j]!.score, 4)
  })
})

it('prepare opens them beforehand: their file may be gone when the prompt comes', async () => {
  const generator = await openMapped('prepared.safetensors')
  await generator.prepare()
  await rm(path('prepared.safetensors'))
  const options: GenerationOptions = { ...DEFAULT_GENERATION, maxNewTokens: 2, endTokens: [16] }
  expect(await generate(generator.decode(prompt, padded(texts, 'left'), 2), options)).toHaveLength(texts.length)
  await generator.dispose()
})

/** The fixture's OPT, mapped from a file of this name. */
async function openMapped(name: string): Promise<OptGenerator> {
  await using fixture = await SafetensorsFile.open(FIXTURE)
  const names = [...fixture.tensors.keys()].filter((own) => own.startsWith('opt_model.'))
  const tensors = await Promise.all(
    names.map(async (own) => {
      return [own, { shape: fixture.tensor(own).shape, data: await fixture.readFloat32(own) }] as const
    }),
  )
  await writeSafetensors(path(name), new Map(tensors))
  await using file = await SafetensorsFile.open(path(name))
  const plan = planWeights(file, ownNames, new Map(tensors.map(([own, { shape }]) => [own, shape])))
  const weights = await openGraphWeights(file, plan, { weights: 'mapped', cacheDirectory: path('cache') })
  expect(weights.weightDirectory).toBeDefined()
  return new OptGenerator(config, weights)
}
