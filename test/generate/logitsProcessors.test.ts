import { describe, expect, it } from 'vitest'
import {
  minNewTokens,
  noRepeatNgram,
  repetitionPenalty,
  temperature,
  topK,
  topP,
} from '../../src/generate/logitsProcessors.js'
import { readJson } from './fixture.js'

type Rows = readonly (readonly (number | null)[])[]
const { ids, scores, expected } = (await readJson('processors.json')) as {
  ids: number[][]
  scores: number[][]
  expected: Record<string, Rows>
}

const PROCESSORS: Record<string, (row: Float64Array, generated: readonly number[], value: number) => void> = {
  repetitionPenalty,
  noRepeatNgramSize: noRepeatNgram,
  temperature: (row, _, value) => temperature(row, value),
  topK: (row, _, value) => topK(row, value),
  topP: (row, _, value) => topP(row, value),
}

describe('the processors of transformers', () => {
  it.each(Object.keys(expected))('%s', (name) => {
    const [kind, value] = name.split(' ') as [string, string]
    scores.forEach((own, row) => {
      const found = Float64Array.from(own)
      PROCESSORS[kind]!(found, ids[row]!, Number(value))
      expected[name]![row]!.forEach((score, token) => {
        if (score === null) expect(found[token]).toBe(Number.NEGATIVE_INFINITY)
        else expect(found[token]).toBeCloseTo(score, 5)
      })
    })
  })
})

it('change nothing where they are off', () => {
  const row = Float64Array.from(scores[0]!)
  repetitionPenalty(row, ids[0]!, 1)
  noRepeatNgram(row, ids[0]!, 0)
  minNewTokens(row, [], 0, [1])
  temperature(row, 1)
  topK(row, 0)
  topP(row, 1)
  expect(row).toEqual(Float64Array.from(scores[0]!))
})

it('topK keeps what ties with the last, topP always the likeliest', () => {
  const tied = Float64Array.of(1, 2, 1, 0)
  topK(tied, 2)
  expect([...tied]).toEqual([1, 2, 1, Number.NEGATIVE_INFINITY])
  const peak = Float64Array.of(0, 9, 0)
  topP(peak, 1e-9)
  expect([...peak]).toEqual([Number.NEGATIVE_INFINITY, 9, Number.NEGATIVE_INFINITY])
})

it('a text ends when it has enough tokens', () => {
  const row = new Float64Array(4)
  minNewTokens(row, [7], 2, [1, 3])
  expect([...row]).toEqual([0, Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY])
  const enough = new Float64Array(4)
  minNewTokens(enough, [7, 7], 2, [1, 3])
  expect([...enough]).toEqual([0, 0, 0, 0])
})
