import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { TextDocument } from '../../../src/data/text/corpus.js'
import { ConfigError } from '../../../src/errors.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'
import { trainBpe } from '../../../src/text/trainBpe.js'
import { emojiLanguage } from '../../../src/train/language/presets.js'
import { type LanguageTrainingConfig, languageTask } from '../../../src/train/language/trainLanguage.js'
import { train } from '../../../src/train/loop.js'

// Enough documents that the one in 50 for validation fill a few blocks.
const corpus: readonly TextDocument[] = Array.from({ length: 600 }, (_, i) => ({
  source: 'dictionary',
  text: `number ${i} comes before number ${i + 1}\n`,
}))
const tokenizer = Tokenizer.fromJson(
  trainBpe(
    corpus.map(({ text }) => text),
    { vocabularySize: 300 },
  ),
)
const config: LanguageTrainingConfig = {
  ...emojiLanguage,
  language: {
    ...{ vocabularySize: tokenizer.size, width: 16, layers: 1, heads: 2, feedForward: 32, maxPositions: 16 },
    layerNormEpsilon: 1e-5,
  },
  length: 16,
  batch: 4,
  steps: 40,
  warmupSteps: 2,
  peakLearningRate: 1e-2,
  validateEvery: 10,
  validationBlocks: 8,
}

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-language-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it('learns text, text that it has not seen too', async () => {
  await using task = await languageTask(config, tokenizer, corpus)
  await train(task, { directory })
  const lines = (await readFile(join(directory, 'metrics.jsonl'), 'utf8')).trim().split('\n')
  const metrics = lines.map((line) => JSON.parse(line) as Record<string, number>)
  expect(metrics[0]!['loss']).toBeCloseTo(Math.log(tokenizer.size), 0)
  const scores = metrics.flatMap(({ validationLoss }) => validationLoss ?? [])
  expect(scores).toHaveLength(4)
  expect(scores.at(-1)).toBeLessThan(0.8 * scores[0]!)
})

it('refuses a corpus too small to validate on', async () => {
  await expect(languageTask(config, tokenizer, corpus.slice(0, 20))).rejects.toThrow(ConfigError)
  await expect(languageTask({ ...config, validationBlocks: 2 }, tokenizer, corpus)).rejects.toThrow(/a batch of 4/)
})
