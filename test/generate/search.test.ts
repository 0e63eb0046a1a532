import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import type { Decoder } from '../../src/generate/decoder.js'
import { generate, generateStream } from '../../src/generate/generate.js'
import { logProbabilities } from '../../src/generate/logProbabilities.js'
import { searchRules } from '../../src/generate/logitsProcessors.js'
import { DEFAULT_GENERATION, type Generated, type GenerationOptions } from '../../src/generate/options.js'
import { Random } from '../../src/train/random/random.js'

const VOCABULARY = 4
const END = 3
const OPTIONS: GenerationOptions = { ...DEFAULT_GENERATION, maxNewTokens: 4, endTokens: [END] }

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

type One = readonly [readonly [Generated, ...Generated[]]]
const generateOne = async (seed: number, options: GenerationOptions) =>
  (await generate(tableDecoder(seed, 1), options)) as unknown as One
const generateTwo = async (seed: number, options: GenerationOptions) =>
  (await generate(tableDecoder(seed, 2), options)) as unknown as readonly [One[0], One[0]]

/** The best of all texts there are. */
function bruteForce(seed: number, row: number, options: GenerationOptions) {
  let best = { ids: [] as number[], score: Number.NEGATIVE_INFINITY, finishReason: 'length' }
  const visit = (ids: number[], total: number) => {
    const scores = logProbabilities(logitsAfter(seed, row, ids))
    searchRules(scores, ids, options)
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
      const [[first], [second]] = await generateTwo(seed, options)
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
      const [[beam]] = await generateOne(seed, { ...OPTIONS, numBeams: 3 })
      const [[greedy]] = await generateOne(seed, OPTIONS)
      if (beam!.score >= greedy!.score - 1e-9) better++
    }
    expect(better).toBeGreaterThanOrEqual(45)
  })
})

describe('greedy search', () => {
  it('takes the most likely token each time', async () => {
    const [[found]] = await generateOne(1, { ...OPTIONS, endTokens: [] })
    const ids: number[] = []
    while (ids.length < OPTIONS.maxNewTokens) {
      const logits = logitsAfter(1, 0, ids)
      ids.push(logits.indexOf(Math.max(...logits)))
    }
    expect(found).toMatchObject({ ids, finishReason: 'length' })
  })

  it('follows rows that end at different times', async () => {
    const together = await generate(tableDecoder(3, 6), { ...OPTIONS, maxNewTokens: 8 })
    expect(new Set(together.map(([text]) => text!.ids.length)).size).toBeGreaterThan(1)
    for (const [text] of together) {
      const { ids, finishReason } = text!
      expect(ids).not.toContain(END)
      expect(finishReason).toBe(ids.length === 8 ? 'length' : 'stop')
    }
  })

  it('does not end before minNewTokens', async () => {
    for (const [text] of await generate(tableDecoder(3, 6), { ...OPTIONS, minNewTokens: 4 }))
      expect(text!.ids).toHaveLength(4)
  })
})

it.each([
  [{ numBeams: 0 }, /numBeams must be a whole number of at least 1, got 0/],
  [{ maxNewTokens: 1.5 }, /maxNewTokens/],
  [{ minNewTokens: 9 }, /minNewTokens is 9, more than maxNewTokens/],
  [{ lengthPenalty: Number.NaN }, /lengthPenalty/],
  [{ repetitionPenalty: 0 }, /repetitionPenalty must be above 0/],
  [{ numReturnSequences: 2 }, /numReturnSequences is 2, but 1 beams find 1 texts; raise numBeams, or set doSample/],
  [{ temperature: 0.5 }, /set doSample/],
  [{ topK: 3 }, /set doSample/],
  [{ doSample: true, temperature: 0 }, /temperature must be above 0/],
  [{ doSample: true, topP: 1.1 }, /topP must be at most 1/],
  [{ doSample: true, topK: -1 }, /topK must be a whole number of at least 0/],
  [{ doSample: true, numBeams: 2 }, /numBeams must be 1, got 2/],
  [{ doSample: true, seed: -1 }, /seed is an integer >= 0/],
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

it.each([1, 3])('stops within one token, with %d beams', async (numBeams) => {
  const controller = new AbortController()
  const decoder = tableDecoder(1, 1)
  let steps = 0
  const counted: Decoder = {
    ...decoder,
    next: (parents, tokens) => {
      steps++
      controller.abort()
      return decoder.next(parents, tokens)
    },
  }
  const options = { ...OPTIONS, maxNewTokens: 20, minNewTokens: 20, numBeams, signal: controller.signal }
  await expect(generate(counted, options)).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
  expect(steps).toBe(1)
})

describe('drawing', () => {
  it('follows the probabilities', async () => {
    const scores = logitsAfter(5, 0, [])
    const expected = logProbabilities(scores.map((score) => score / 0.5)).map(Math.exp)
    const options = { ...OPTIONS, doSample: true, temperature: 0.5, maxNewTokens: 1, numReturnSequences: 4000 }
    const [texts] = await generate(tableDecoder(5, 1), { ...options, endTokens: [] })
    for (let token = 0; token < VOCABULARY; token++) {
      const share = texts!.filter(({ ids }) => ids[0] === token).length / 4000
      expect(Math.abs(share - expected[token]!)).toBeLessThan(0.03)
    }
  })

  it('of the likeliest token alone is greedy search', async () => {
    for (const one of [{ topK: 1 }, { topP: 1e-9 }, { temperature: 1e-4 }])
      expect(await generate(tableDecoder(3, 6), { ...OPTIONS, doSample: true, ...one })).toEqual(
        await generate(tableDecoder(3, 6), OPTIONS),
      )
  })
})

describe('a stream', () => {
  it('gives the tokens so far at each step, and the text at the end', async () => {
    const options = { ...OPTIONS, maxNewTokens: 8 }
    for (let seed = 0; seed < 6; seed++) {
      const [[whole]] = await generateOne(seed, options)
      const stream = generateStream(tableDecoder(seed, 1), options)
      const seen: (readonly number[])[] = []
      let step = await stream.next()
      for (; !step.done; step = await stream.next()) seen.push([...step.value])
      expect(step.value).toEqual(whole)
      seen.forEach((ids, i) => {
        expect(ids).toEqual(whole.ids.slice(0, i + 1))
      })
    }
  })

  it('is refused for beams and for several texts, in words', async () => {
    const start = (change: Partial<GenerationOptions>) =>
      generateStream(tableDecoder(1, 1), { ...OPTIONS, ...change }).next()
    await expect(start({ numBeams: 3 })).rejects.toThrow(/which of the 3 beams wins is known at the end only/)
    await expect(start({ doSample: true, numReturnSequences: 2 })).rejects.toThrow(ConfigError)
  })
})
