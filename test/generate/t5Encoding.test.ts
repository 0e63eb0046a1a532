import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generate } from '../../src/generate/generate.js'
import { DEFAULT_GENERATION, type GenerationOptions } from '../../src/generate/options.js'
import { drawT5Step, T5Generator } from '../../src/generate/t5Decoder.js'
import { drawT5Encoding } from '../../src/generate/t5Encoding.js'
import { Graph, type Tensor } from '../../src/graph/index.js'
import { reachable } from '../../src/graph/verify.js'
import { openGraphWeights } from '../../src/weights/graphWeights.js'
import { ownNames } from '../../src/weights/names/layout.js'
import { planWeights } from '../../src/weights/names/plan.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../src/weights/safetensors/write.js'
import { withTemporaryDirectory } from '../weights/temporary.js'
import { padded, readT5Fixture } from './fixture.js'

const FIXTURE = fileURLToPath(new URL('../fixtures/generate/t5.safetensors', import.meta.url))

const path = withTemporaryDirectory()
const { config, options: held, prompt, texts } = await readT5Fixture()
const inMemory = new T5Generator(config, held)
let mapped: T5Generator

beforeAll(async () => {
  mapped = await openMapped()
})
afterAll(async () => {
  await mapped.dispose()
  await inMemory.dispose()
})

describe('T5 from mapped weights, whose first token is a step', () => {
  it.each([
    [1, texts.length],
    [3, texts.length],
    [3, 1],
  ])('writes what it writes from memory: %i beams, %i rows', async (numBeams, rows) => {
    const options: GenerationOptions = { ...DEFAULT_GENERATION, numBeams, maxNewTokens: 8, endTokens: [1] }
    const part = { ...prompt, shape: [rows, ...prompt.shape.slice(1)] }
    const soft = { ...part, data: prompt.data.subarray(0, (prompt.data.length / texts.length) * rows) } as typeof prompt
    const [one, other] = [inMemory, mapped].map((generator) =>
      generator.decode(soft, padded(texts.slice(0, rows), 'right'), 8),
    )
    const [expected, found] = [await generate(one!, options), await generate(other!, options)]
    expect(found.map((row) => row.map(({ ids }) => ids))).toEqual(expected.map((row) => row.map(({ ids }) => ids)))
    for (const [i, row] of found.entries())
      for (const [j, { score }] of row.entries()) expect(score).toBeCloseTo(expected[i]![j]!.score, 4)
  })

  it('has no matrix in two graphs but the table of embeddings', () => {
    const readBy = (draw: (graph: Graph) => Record<string, Tensor>) => {
      const graph = new Graph()
      const { tensors } = reachable(Object.values(draw(graph)))
      return new Set([...graph.parameters].filter(([, tensor]) => tensors.has(tensor)).map(([name]) => name))
    }
    const encoding = readBy((graph) => drawT5Encoding(graph, config))
    const step = readBy((graph) => drawT5Step(graph, config))
    expect([...encoding].filter((name) => step.has(name))).toEqual(['t5_model.shared.weight'])
  })
})

/** The fixture's T5, mapped from a file. */
async function openMapped(): Promise<T5Generator> {
  await using fixture = await SafetensorsFile.open(FIXTURE)
  const names = [...fixture.tensors.keys()].filter((own) => own.startsWith('t5_model.'))
  const tensors = await Promise.all(
    names.map(async (own) => {
      return [own, { shape: fixture.tensor(own).shape, data: await fixture.readFloat32(own) }] as const
    }),
  )
  await writeSafetensors(path('language.safetensors'), new Map(tensors))
  await using file = await SafetensorsFile.open(path('language.safetensors'))
  const plan = planWeights(file, ownNames, new Map(tensors.map(([own, { shape }]) => [own, shape])))
  const weights = await openGraphWeights(file, plan, { weights: 'mapped', cacheDirectory: path('cache') })
  expect(weights.weightDirectory).toBeDefined()
  return new T5Generator(config, weights)
}
