import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import type { Decoder } from '../../src/generate/decoder.js'
import { generate } from '../../src/generate/generate.js'
import type { GenerationOptions } from '../../src/generate/options.js'
import { adjustScores, logProbabilities } from '../../src/generate/tokenScores.js'
import { Random } from '../../src/train/random/random.js'

const VOCABULARY = 4
const END = 3
const OPTIONS: GenerationOptions = {
  numBeams: 1,
  maxNewTokens: 4,
  minNewTokens: 0,
  lengthPenalty: 1,
  repetitionPenalty: 1,
  endTokens: [END],
}

/** Logits that depend on the whole text before, drawn once for each text. */
function logitsAfter(seed: number, row: number, ids: readonly number[]): Float32Array {
  const random = new Random(seed, `${row}: ${ids.join()}`)
  return Float32Array.from({ length: VOCABULARY }, () => 4 * random.uniform() - 2)
}

/** A language model given as a table of texts. */
function tableDecoder(seed: number, rows: number): Decoder {
  let texts = Array.from({ length: rows }, (_, row) => ({ row, ids: [] as number[] }))
  const logits = async () => {
    const all = new Float32Array(texts.length * VOCABULARY)
    texts.forEach(({ row, ids }, i) => {
      all.set(logitsAfter(seed, row, ids), i * VOCABULARY)
    })
    return all
  }
  return {
    vocabularySize: VOCABULARY,
    start: logits,
    next: (parents, tokens) => {
      texts = parents.map((parent, i) => ({ row: texts[parent]!.row, ids: [...texts[parent]!.ids, tokens[i]!] }))
      return logits()
    },
  }
}

/** The best of all texts there are. */
function bruteForce(seed: number, row: number, options: GenerationOptions) {
  let best = { ids: [] as number[], score: Number.NEGATIVE_INFINITY, finishReason: 'length' }
  const visit = (ids: number[], total: number) => {
    const scores = logProbabilities(logitsAfter(seed, row, ids))
    adjustScores(scores, ids, options)
    scores.forEach((score, token) => {
      const length = ids.length + 1
      const ended = options.endTokens.includes(token)
      const whole = (total + score) / length ** options.lengthPenalty
      if (!ended && length < options.maxNewTokens) visit([...ids, token], total + score)
      else if (whole > best.score)
        best = { ids: ended ? ids : [...ids, token], score: whole, finishReason: ended ? 'stop' : 'length' }
    })
  }
  visit([], 0)
  return best
}

describe('beam search', () => {
  // As many beams as there are texts, so nothing is lost.
  const all = { ...OPTIONS, numBeams: VOCABULARY ** 4 }
  it.each([
    ['as it is', {}],
    ['short texts preferred', { lengthPenalty: -1 }],
    ['long texts preferred', { lengthPenalty: 3 }],
    ['at least three tokens', { minNewTokens: 3 }],
    ['repetition punished', { repetitionPenalty: 1.5 }],
    ['two tokens that end', { endTokens: [END, 0] }],
  ])('with enough beams finds the best text: %s', async (_, change) => {
    for (let seed = 0; seed < 20; seed++) {
      const options = { ...all, ...change }
      const [first, second] = await generate(tableDecoder(seed, 2), options)
      for (const [row, found] of [first!, second!].entries()) {
        const { score, ...expected } = bruteForce(seed, row, options)
        expect(found).toMatchObject(expected)
        expect(found.score).toBeCloseTo(score, 10)
      }
    }
  })

  it('with few beams finds a text at least as good as greedy search in most cases', async () => {
    let better = 0
    for (let seed = 0; seed < 50; seed++) {
      const [beam] = await generate(tableDecoder(seed, 1), { ...OPTIONS, numBeams: 3 })
      const [greedy] = await generate(tableDecoder(seed, 1), OPTIONS)
      if (beam!.score >= greedy!.score - 1e-9) better++
    }
    expect(better).toBeGreaterThanOrEqual(45)
  })
})

describe('greedy search', () => {
  it('takes the most likely token each time', async () => {
    const [found] = await generate(tableDecoder(1, 1), { ...OPTIONS, endTokens: [] })
    const ids: number[] = []
    while (ids.length < OPTIONS.maxNewTokens) {
      const logits = logitsAfter(1, 0, ids)
      ids.push(logits.indexOf(Math.max(...logits)))
    }
    expect(found).toMatchObject({ ids, finishReason: 'length' })
  })

  it('follows rows that end at different times', async () => {
    const together = await generate(tableDecoder(3, 6), { ...OPTIONS, maxNewTokens: 8 })
    expect(new Set(together.map(({ ids }) => ids.length)).size).toBeGreaterThan(1)
    for (const { ids, finishReason } of together) {
      expect(ids).not.toContain(END)
      expect(finishReason).toBe(ids.length === 8 ? 'length' : 'stop')
    }
  })

  it('does not end before minNewTokens', async () => {
    for (const { ids } of await generate(tableDecoder(3, 6), { ...OPTIONS, minNewTokens: 4 }))
      expect(ids).toHaveLength(4)
  })
})

it.each([
  [{ numBeams: 0 }, /numBeams must be a whole number of at least 1, got 0/],
  [{ maxNewTokens: 1.5 }, /maxNewTokens/],
  [{ minNewTokens: 9 }, /minNewTokens is 9, more than maxNewTokens/],
  [{ lengthPenalty: Number.NaN }, /lengthPenalty/],
  [{ repetitionPenalty: 0 }, /repetitionPenalty must be above 0/],
])('refuses %o', async (change, message) => {
  const refused = generate(tableDecoder(1, 1), { ...OPTIONS, ...change })
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toBeInstanceOf(ConfigError)
})

it.each([1, 3])('stops when it is told to, with %d beams', async (numBeams) => {
  await expect(generate(tableDecoder(1, 1), { ...OPTIONS, numBeams, signal: AbortSignal.abort() })).rejects.toThrow(
    expect.objectContaining({ name: 'AbortError' }),
  )
})
