import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { generate } from '../../src/generate/generate.js'
import { naiveDecoder } from '../../src/generate/naive.js'
import { OptGenerator } from '../../src/generate/optDecoder.js'
import { DEFAULT_GENERATION, type Generated, type GenerationOptions } from '../../src/generate/options.js'
import { padded, readGenerateFixture, rowsOf } from './fixture.js'

const { config, options: weights, prompt, texts } = await readGenerateFixture()
const generator = new OptGenerator(config, weights)
afterAll(() => generator.dispose())

const SETTINGS: GenerationOptions = { ...DEFAULT_GENERATION, maxNewTokens: 10, endTokens: [16] }
const SEARCHES: readonly (readonly [string, GenerationOptions])[] = [
  ['greedy', SETTINGS],
  ['2 beams', { ...SETTINGS, numBeams: 2, numReturnSequences: 2 }],
  ['5 beams', { ...SETTINGS, numBeams: 5, lengthPenalty: 0 }],
  ['drawn', { ...SETTINGS, doSample: true, topP: 0.9, seed: 3, numReturnSequences: 3 }],
]

function expectSame(found: readonly (readonly Generated[])[], expected: readonly (readonly Generated[])[]) {
  const exact = (rows: typeof found) => rows.map((row) => row.map(({ ids, finishReason }) => ({ ids, finishReason })))
  expect(exact(found)).toEqual(exact(expected))
  found.forEach((row, r) => {
    row.forEach(({ score }, i) => {
      expect(Math.abs(score - expected[r]![i]!.score)).toBeLessThan(1e-4)
    })
  })
}

describe.each(SEARCHES)('%s', (_, options) => {
  it('gives the same with a cache as without', async () => {
    const cached = await generate(generator.decode(prompt, padded(texts), 10), options)
    expectSame(cached, await generate(naiveDecoder(config, weights, prompt, texts), options))
    expect(new Set(cached.map((row) => row[0]!.ids.join())).size).toBeGreaterThan(1)
  })

  it('gives the same with padding on the right as on the left', async () => {
    const left = await generate(generator.decode(prompt, padded(texts), 10), options)
    expectSame(await generate(generator.decode(prompt, padded(texts, 'right'), 10), options), left)
  })

  it('gives a row the same alone as among others, in any order', async () => {
    const together = await generate(generator.decode(prompt, padded(texts), 10), options)
    for (const rows of [[0], [1], [2], [3], [3, 1], [2, 0, 0]]) {
      const own = rows.map((row) => texts[row]!)
      const decoder = generator.decode(rowsOf(prompt, rows), padded(own), 10)
      expectSame(
        await generate(decoder, options),
        rows.map((row) => together[row]!),
      )
    }
  })
})

it('draws other texts from other seeds, and each text of a row on its own', async () => {
  const draw = (seed: number) =>
    generate(generator.decode(prompt, padded(texts), 10), { ...SETTINGS, doSample: true, seed, numReturnSequences: 4 })
  const [first, again, other] = [await draw(1), await draw(1), await draw(2)]
  expect(first).toEqual(again)
  expect(first).not.toEqual(other)
  expect(new Set(first[0]!.map(({ ids }) => ids.join())).size).toBeGreaterThan(1)
})

it('serves decoders that take turns', async () => {
  const alone = await generate(generator.decode(prompt, padded(texts), 10), SETTINGS)
  const [a, b] = [0, 1].map(() => generator.decode(prompt, padded(texts), 10))
  const [inTurns, delayed] = [await a!.start(), await b!.start()]
  expect(inTurns).toEqual(delayed)
  const first = [...inTurns]
  const half = await b!.next([0, 1], [10, 10])
  const kept = half.slice()
  // The other one goes on; what this one holds stays as it was.
  expectSame(await generate({ ...wrap(a!), start: async () => Float32Array.from(first) }, SETTINGS), alone)
  expect(half).toEqual(kept)
  await expect(b!.next([1, 0], [38, 38])).resolves.toHaveLength(2 * config.vocabularySize)
})

const wrap = (decoder: ReturnType<typeof generator.decode>) => ({
  vocabularySize: decoder.vocabularySize,
  next: decoder.next.bind(decoder),
})

it('says how many tokens fit behind the prompt', () => {
  expect(() => generator.decode(prompt, padded(texts), 40)).toThrow(ConfigError)
  expect(() => generator.decode(prompt, padded(texts), 40)).toThrow(/at most 39 fit/)
})
