import { afterAll, describe, expect, it } from 'vitest'
import { generate } from '../../src/generate/generate.js'
import { naiveDecoder } from '../../src/generate/naive.js'
import { OptGenerator } from '../../src/generate/optDecoder.js'
import type { Generated, GenerationOptions } from '../../src/generate/options.js'
import { padded, readGenerateFixture } from './fixture.js'

const { config, options: weights, prompt, texts, cases } = await readGenerateFixture()
const generator = new OptGenerator(config, weights)
afterAll(() => generator.dispose())

/** transformers keeps the end token; here a text of n tokens and an end token has n ids. */
function expectTexts(
  found: readonly (readonly Generated[])[],
  { rows }: (typeof cases)[number],
  { endTokens }: GenerationOptions,
) {
  const withoutEnd = (ids: readonly number[]) => (endTokens.includes(ids.at(-1)!) ? ids.slice(0, -1) : ids)
  expect(found.map((row) => row.map(({ ids }) => ids))).toEqual(
    rows.map((row) => row.map(({ ids }) => withoutEnd(ids))),
  )
  found.forEach((row, r) => {
    row.forEach(({ score }, i) => {
      expect(Math.abs(score - rows[r]![i]!.score)).toBeLessThan(1e-4 * Math.max(1, Math.abs(score)))
    })
  })
}

describe.each([1, 2, 5])('%d beams: the ids and scores of transformers', (numBeams) => {
  const own = cases.filter(({ options }) => options.numBeams === numBeams)
  it.each(own.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const decoder = generator.decode(prompt, padded(texts), one.options.maxNewTokens)
    expectTexts(await generate(decoder, one.options), one, one.options)
  })

  it('without a cache too', async () => {
    for (const name of ['plain', 'all together']) {
      const one = own.find((other) => other.name === name)!
      expectTexts(await generate(naiveDecoder(config, weights, prompt, texts), one.options), one, one.options)
    }
  })
})
