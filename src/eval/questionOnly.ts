import { DataError } from '../errors.js'
import type { BenchmarkQuestion } from './benchmarks/items.js'

/** A question with its right answers. */
export type AnsweredByPeople = Pick<BenchmarkQuestion, 'question' | 'questionType' | 'answers'>

/** A question is guessed from its own words where it was met so often before, otherwise from its type. */
const LEAST_MET = 5

/**
 * What a guesser answers who never sees a picture: the most frequent answer to the question, else to questions of its
 * type, else to any. The guesser has learnt from `known`; without it from `asked` itself, each question from all others.
 * The score of these answers is what a model must beat to have seen anything.
 *
 * @throws DataError where a question that is learnt from has no answers
 */
export function questionOnlyAnswers(asked: readonly AnsweredByPeople[], known?: readonly AnsweredByPeople[]): string[] {
  const counts = new Map<string, Map<string, number>>()
  for (const question of known ?? asked) {
    const answer = mostFrequentAnswer(question)
    for (const key of keysOf(question)) {
      const answers = counts.get(key) ?? new Map<string, number>()
      counts.set(key, answers.set(answer, (answers.get(answer) ?? 0) + 1))
    }
  }
  return asked.map((question) => {
    const own = known ? undefined : mostFrequentAnswer(question)
    const [words, ...wider] = keysOf(question).map((key) => without(counts.get(key), own))
    const met = sum(words!) >= LEAST_MET ? [words!, ...wider] : wider
    const [best] = met.flatMap((answers) => mostFrequent(answers) ?? [])
    return best ?? mostFrequent(words!) ?? ''
  })
}

const keysOf = ({ question, questionType }: AnsweredByPeople): readonly string[] => [
  `question ${question}`,
  ...(questionType === undefined ? [] : [`type ${questionType}`]),
  'any',
]

function mostFrequentAnswer({ question, answers = [] }: AnsweredByPeople): string {
  const counts = new Map<string, number>()
  for (const { answer } of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  const best = mostFrequent(counts)
  if (best === undefined) throw new DataError(`"${question}" has no answers; a guesser learns from answered questions`)
  return best
}

/** The counts without one answer of the question itself. */
function without(counts: ReadonlyMap<string, number> | undefined, own: string | undefined): Map<string, number> {
  const left = new Map(counts)
  if (own !== undefined) left.set(own, (left.get(own) ?? 0) - 1)
  return left
}

/** The first of the most frequent; undefined where nothing was counted. */
function mostFrequent(counts: ReadonlyMap<string, number>): string | undefined {
  let [best, most]: [string | undefined, number] = [undefined, 0]
  for (const [answer, count] of counts) if (count > most) [best, most] = [answer, count]
  return best
}

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((total, n) => total + n, 0)
