import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type AnswerPrediction, roundHalfEven } from '../../src/eval/metrics/answerScores.js'
import { BLEU_ORDERS, bleu, bleuStatistics } from '../../src/eval/metrics/bleu.js'
import { cider } from '../../src/eval/metrics/cider.js'
import { rougeL } from '../../src/eval/metrics/rougeL.js'
import { vqaAccuracy } from '../../src/eval/metrics/vqaAccuracy.js'
import { normalizeAnswer, stripArticles, stripPunctuation } from '../../src/eval/metrics/vqaNormalization.js'
import { float32, int64 } from '../../src/runtime/index.js'
import { type GoldenCaptions, type GoldenScores, pairsOf } from '../eval/metrics/golden.js'
import type { Fixture, Values } from './fixture.js'

const FILES = { caption: 'caption.json', vqa: 'vqa.json' } as const

interface GoldenAccuracy {
  readonly overall: number
  readonly perQuestionType: Readonly<Record<string, number>>
  readonly perAnswerType: Readonly<Record<string, number>>
}

interface GoldenAnswers {
  readonly questions: readonly {
    question_id: number
    prediction: string
    answers: string[]
    question_type: string
    answer_type: string
  }[]
  readonly accuracy: GoldenAccuracy
  readonly per_question: Readonly<Record<string, number>>
  readonly accuracy_without_answer_ids: GoldenAccuracy
  readonly per_question_without_answer_ids: Readonly<Record<string, number>>
  readonly normalisation: readonly { pred: string; final: string; refs_after: [string, string][] }[]
  readonly normalisation_extra: readonly { input: string; punct: string; digit_article: string; both: string }[]
}

/** Whether a directory holds captions or answers with their scores instead of tensors. */
export const isMetricsFixture = (files: readonly string[]): boolean =>
  Object.values(FILES).some((file) => files.includes(file))

/** Reads such a directory: the scores are its expected tensors, what they are of its configuration. */
export async function readMetricsFixture(directory: string, files: readonly string[]): Promise<Fixture> {
  const read = async (file: string) =>
    files.includes(file) ? JSON.parse(await readFile(join(directory, file), 'utf8')) : undefined
  const caption = (await read(FILES.caption)) as GoldenCaptions | undefined
  const vqa = (await read(FILES.vqa)) as GoldenAnswers | undefined
  const expected = { ...(caption ? captionValues(caption) : {}), ...(vqa ? answerValues(vqa) : {}) }
  return { name: basename(directory), config: { caption, vqa }, inputs: {}, weights: {}, expected }
}

/** Scores captions and answers again. */
export async function metricsCase({ config }: Fixture): Promise<Values> {
  const { caption, vqa } = config as { readonly caption?: GoldenCaptions; readonly vqa?: GoldenAnswers }
  const captions = caption && {
    ...caption,
    scores: captionScores(caption, caption.ids),
    subset: { ...caption.subset, scores: captionScores(caption, caption.subset.ids) },
  }
  return { ...(captions ? captionValues(captions) : {}), ...(vqa ? answerValues(answered(vqa)) : {}) }
}

function captionValues({ scores, subset }: GoldenCaptions): Values {
  const values: Values = {}
  for (const [where, { corpus, per_image }] of [['', scores] as const, ['subset.', subset.scores] as const]) {
    for (const [name, value] of Object.entries(corpus)) values[`caption.${where}corpus.${name}`] = numbers([value])
    for (const [name, list] of Object.entries(per_image)) values[`caption.${where}image.${name}`] = numbers(list)
  }
  return values
}

function captionScores(given: GoldenCaptions, ids: readonly number[]): GoldenScores {
  const pairs = pairsOf(given, ids)
  const statistics = pairs.map(bleuStatistics)
  const images = statistics.map((caption) => bleu([caption]))
  const orders = Array.from({ length: BLEU_ORDERS }, (_, i) => i)
  const [corpus, rouge, ciders] = [bleu(statistics), pairs.map(rougeL), cider(pairs)]
  const named = <T>(scoreOf: (order: number) => T) =>
    Object.fromEntries(orders.map((order) => [`Bleu_${order + 1}`, scoreOf(order)]))
  return {
    corpus: { ...named((order) => corpus[order]!), ROUGE_L: mean(rouge), CIDEr: mean(ciders) },
    per_image: { ...named((order) => images.map((scores) => scores[order]!)), ROUGE_L: rouge, CIDEr: ciders },
  }
}

function answerValues(golden: GoldenAnswers): Values {
  const both = [
    ['', golden.accuracy, golden.per_question] as const,
    ['without_ids.', golden.accuracy_without_answer_ids, golden.per_question_without_answer_ids] as const,
  ]
  const values: Values = {}
  for (const [where, { overall, perQuestionType, perAnswerType }, perQuestion] of both) {
    values[`vqa.${where}overall`] = numbers([overall])
    values[`vqa.${where}question_types`] = numbers(Object.values(perQuestionType))
    values[`vqa.${where}answer_types`] = numbers(Object.values(perAnswerType))
    values[`vqa.${where}questions`] = numbers(golden.questions.map(({ question_id }) => perQuestion[question_id]!))
  }
  const { normalisation, normalisation_extra: extra } = golden
  values['vqa.normalisation'] = codes(
    normalisation.flatMap(({ final, refs_after }) => [final, ...refs_after.map(last)]),
  )
  values['vqa.normalisation_extra'] = codes(extra.flatMap((one) => [one.punct, one.digit_article, one.both]))
  return values
}

/** The same questions with our scores and normalised texts. */
function answered(golden: GoldenAnswers): GoldenAnswers {
  const [ids, none] = [scoresOf(golden, true), scoresOf(golden, false)]
  return {
    ...golden,
    ...{ accuracy: ids.accuracy, per_question: ids.perQuestion },
    ...{ accuracy_without_answer_ids: none.accuracy, per_question_without_answer_ids: none.perQuestion },
    normalisation: golden.normalisation.map(({ pred, refs_after }) => ({
      pred,
      final: normalizeAnswer(pred),
      refs_after: refs_after.map(([answer]): [string, string] => [answer, stripPunctuation(answer)]),
    })),
    normalisation_extra: golden.normalisation_extra.map(({ input, punct }) => ({
      input,
      punct: stripPunctuation(input),
      digit_article: stripArticles(input),
      both: stripArticles(punct),
    })),
  }
}

function scoresOf({ questions, accuracy }: GoldenAnswers, withIds: boolean) {
  const predictions = questions.map(
    ({ question_id, prediction, answers, question_type, answer_type }): AnswerPrediction => ({
      questionId: question_id,
      prediction,
      answers: answers.map((answer, i) => ({ answer, ...(withIds ? { answer_id: i + 1 } : {}) })),
      questionType: question_type,
      answerType: answer_type,
    }),
  )
  const { accuracies, ...found } = vqaAccuracy(predictions)
  // In the order of the expected ones.
  const inOrder = (of: Readonly<Record<string, number>>, like: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.keys(like).map((type) => [type, of[type] ?? Number.NaN]))
  return {
    accuracy: {
      overall: found.overall,
      perQuestionType: inOrder(found.perQuestionType, accuracy.perQuestionType),
      perAnswerType: inOrder(found.perAnswerType, accuracy.perAnswerType),
    },
    perQuestion: Object.fromEntries(
      questions.map(({ question_id }, i) => [question_id, roundHalfEven(100 * accuracies[i]!)]),
    ),
  }
}

const numbers = (values: readonly number[]) => float32([values.length], Float32Array.from(values))

/** Texts as numbers, one a character, so that they are compared exactly; a line break ends each. */
function codes(texts: readonly string[]) {
  const all = Array.from(texts.map((text) => `${text}\n`).join(''), (character) => character.codePointAt(0)!)
  return int64([all.length], all)
}

const last = ([, after]: readonly [string, string]): string => after

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
