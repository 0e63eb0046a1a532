import type { CaptionedPicture, CaptionReport } from '../caption.js'
import type { CaptionFilesReport } from '../captionFiles.js'
import type { EvaluationSet } from '../evaluationSet.js'
import { CAPTION_METRICS } from '../metrics/captionMetrics.js'
import type { AnswersReport, ScoredAnswer } from '../answersReport.js'
import type { NamedPicture, RetrievalRecalls, RetrievalReport } from '../retrieval.js'
import type { EvaluationReport, ReportScore, ReportTable } from './writeReport.js'

/** Captions scored against references; the best and worst are those by CIDEr. */
export const captionPage = (title: string, report: CaptionFilesReport): EvaluationReport => ({
  title,
  summary: `${report.count} captions of ${report.pictures} pictures, each against all its references.`,
  scores: cocoRows(report),
  tables: [],
  exampleScore: 'CIDEr',
  examples: report.captions.map(({ id, caption, references, scores, image }) => ({
    id: String(id),
    output: caption,
    references,
    score: scores.CIDEr!,
    ...(image === undefined ? {} : { image }),
  })),
})

/** What a model says of a set; the best and worst captions are those by the words' F1. */
export function modelCaptionPage(
  report: CaptionReport,
  predictions: readonly CaptionedPicture[],
  set: EvaluationSet,
): EvaluationReport {
  const imageOf = new Map(set.pictures.map(({ id, image }) => [id, image]))
  return {
    title: `Captions: ${report.data}`,
    summary: `${report.count} captions, each against all its right answers.`,
    scores: [
      { name: 'exact match', value: report.exactMatch },
      { name: 'word F1', value: report.wordF1 },
      ...(report.coco ? cocoRows(report.coco) : []),
    ],
    tables: styleTables(report),
    exampleScore: 'word F1',
    examples: predictions.map(({ id, caption, answers, wordF1 }) => ({
      id,
      image: imageOf.get(id)!,
      output: caption,
      references: answers,
      score: wordF1,
    })),
  }
}

function styleTables({ byStyle = {}, coco }: CaptionReport): ReportTable[] {
  const rows = Object.entries(byStyle)
  if (rows.length === 0) return []
  const f1 = rows.map(([name, { wordF1, count }]) => ({ name, value: wordF1, count }))
  const cider = rows.flatMap(([name, { count }]) => {
    const value = coco?.byStyle?.[name]?.CIDEr
    return value === undefined ? [] : [{ name, value, count }]
  })
  return [
    { title: 'Word F1 by style', rows: f1 },
    ...(cider.length > 0 ? [{ title: 'CIDEr by style', rows: cider }] : []),
  ]
}

const cocoRows = ({ scores, intervals }: NonNullable<CaptionReport['coco']>): ReportScore[] =>
  CAPTION_METRICS.flatMap((name) => {
    const value = scores[name]
    const interval = intervals[name]
    return value === undefined ? [] : [{ name, value, ...(interval ? { interval } : {}) }]
  })

const RECALLS = {
  textRecallAt1: 'picture to name, recall@1',
  textRecallAt5: 'recall@5',
  textRecallAt10: 'recall@10',
  imageRecallAt1: 'name to picture, recall@1',
  imageRecallAt5: 'recall@5',
  imageRecallAt10: 'recall@10',
  itcTextRecallAt1: 'picture to name by ITC alone, recall@1',
  itcImageRecallAt1: 'name to picture by ITC alone, recall@1',
} as const satisfies Record<keyof RetrievalRecalls, string>

/** Pictures named and searched for; the best and worst are those whose right name stands first, or far behind. */
export function retrievalPage(report: RetrievalReport, named: readonly NamedPicture[]): EvaluationReport {
  const { data, pictures, names, k, intervals, textRecallAt1ByStyle = {} } = report
  const styles = Object.entries(textRecallAt1ByStyle).map(([name, value]) => ({
    name,
    value,
    count: named.filter(({ style }) => style === name).length,
  }))
  return {
    title: `Retrieval: ${data}`,
    summary: `${pictures} pictures and ${names} names; the ${k} best by ITC are ordered by ITM.`,
    scores: (Object.keys(RECALLS) as (keyof RetrievalRecalls)[]).map((key) => ({
      name: RECALLS[key],
      value: report[key],
      interval: intervals[key],
    })),
    tables: styles.length > 0 ? [{ title: 'Picture to name by style, recall@1', rows: styles }] : [],
    exampleScore: 'reciprocal rank of the right name',
    examples: named.map(({ id, image, name, answers, rank }) => ({
      id,
      image,
      output: name,
      references: answers,
      score: 1 / (1 + rank),
    })),
  }
}

/** Answers with a table by type of question and of answer. */
export const answersPage = (title: string, report: AnswersReport): EvaluationReport => ({
  title,
  summary: `${report.count} answers, each against those of people.`,
  scores: [
    {
      name: 'accuracy',
      value: report.overall / 100,
      interval: { low: report.interval.low / 100, high: report.interval.high / 100 },
    },
    ...(report.questionOnly === undefined
      ? []
      : [{ name: 'question only, no picture seen', value: report.questionOnly / 100 }]),
  ],
  tables: [
    { title: 'By type of answer', rows: typeRows(report.perAnswerType, report.answers, 'answerType') },
    { title: 'By type of question', rows: typeRows(report.perQuestionType, report.answers, 'questionType') },
    { title: 'Most frequent confusions (of 100 questions with the first answer)', rows: confusionRows(report.answers) },
  ].filter(({ rows }) => rows.length > 0),
  exampleScore: 'accuracy',
  examples: report.answers.map(({ questionId, question, prediction, answers, accuracy, image }) => ({
    id: String(questionId),
    output: prediction,
    references: [...new Set(answers.map(({ answer }) => answer))],
    score: accuracy,
    ...(question === undefined ? {} : { question }),
    ...(image === undefined ? {} : { image }),
  })),
})

/** Right answers that are met so often can be confused in a way that says something. */
const LEAST_ASKED = 5
const CONFUSIONS = 12

/** Which right answer became which wrong one, the most frequent first. */
function confusionRows(answers: readonly ScoredAnswer[]): ReportScore[] {
  const asked = new Map<string, number>()
  const wrong = new Map<string, { right: string; count: number }>()
  for (const { answers: people, prediction, accuracy } of answers) {
    const right = people[0]!.answer
    asked.set(right, (asked.get(right) ?? 0) + 1)
    if (accuracy > 0) continue
    const name = `${right} → ${prediction || 'nothing'}`
    wrong.set(name, { right, count: (wrong.get(name)?.count ?? 0) + 1 })
  }
  return [...wrong]
    .filter(([, { right, count }]) => asked.get(right)! >= LEAST_ASKED && count > 1)
    .sort(([, a], [, b]) => b.count - a.count)
    .slice(0, CONFUSIONS)
    .map(([name, { right, count }]) => ({ name, value: count / asked.get(right)!, count }))
}

/** The most frequent types first. */
function typeRows(
  percents: Readonly<Record<string, number>>,
  answers: readonly ScoredAnswer[],
  type: 'questionType' | 'answerType',
): ReportScore[] {
  const counts = new Map<string, number>()
  for (const { [type]: name } of answers) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Object.entries(percents)
    .map(([name, percent]) => ({ name, value: percent / 100, count: counts.get(name)! }))
    .sort((a, b) => b.count - a.count)
}
