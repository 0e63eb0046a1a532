import { afterAll, describe, expect, it } from 'vitest'
import type { Decoder } from '../../src/generate/decoder.js'
import { generate } from '../../src/generate/generate.js'
import { languageGenerator } from '../../src/generate/languageGenerator.js'
import { naiveDecoder } from '../../src/generate/naive.js'
import type { Generated, GenerationOptions } from '../../src/generate/options.js'
import { type GenerateCase, padded, readGenerateFixture, readT5Fixture, rowsOf } from './fixture.js'

const fixtures = [await readGenerateFixture(), await readT5Fixture()]

/** transformers keeps the end token; here a text of n tokens and an end token has n ids. */
function expectTexts(
  found: readonly (readonly Generated[])[],
  rows: GenerateCase['rows'],
  { endTokens }: GenerationOptions,
): void {
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

describe.each(fixtures)(
  '$config.kind: the ids and scores of transformers',
  ({ config, options, prompt, texts, cases }) => {
    const generator = languageGenerator(config, options)
    afterAll(() => generator.dispose())
    const decoder = ({ options: { maxNewTokens } }: GenerateCase) =>
      generator.decode(prompt, padded(texts, generator.padSide), maxNewTokens)

    const search = (from: Decoder, one: GenerateCase) =>
      generate(from, { ...one.options, promptTokens: generator.promptTokens })

    describe.each([1, 2, 5])('%d beams', (numBeams) => {
      const own = cases.filter((one) => one.options.numBeams === numBeams)
      it.each(own.map((one) => [one.name, one] as const))('%s', async (_, one) => {
        expectTexts(await search(decoder(one), one), one.rows, one.options)
      })

      it('without a cache too', async () => {
        for (const name of ['plain', 'all together']) {
          const one = own.find((other) => other.name === name)!
          expectTexts(await search(naiveDecoder(config, options, prompt, texts), one), one.rows, one.options)
        }
      })

      it('alone as in the batch', async () => {
        const one = own.find(({ name }) => name === 'all together')!
        for (const row of texts.keys()) {
          const alone = generator.decode(rowsOf(prompt, [row]), padded([texts[row]!]), one.options.maxNewTokens)
          expectTexts(await search(alone, one), [one.rows[row]!], one.options)
        }
      })
    })
  },
)
