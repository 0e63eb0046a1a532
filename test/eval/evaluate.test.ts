import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluateCaptions } from '../../src/eval/caption.js'
import { type EvaluationSet, openEvaluationSet, spread } from '../../src/eval/evaluationSet.js'
import { evaluateRetrieval } from '../../src/eval/retrieval.js'
import { openRetrievalLog } from '../../src/eval/retrievalLog.js'
import { Blip2 } from '../../src/index.js'
import { Random } from '../../src/train/random/random.js'
import { CAPTIONS, writeTinyModel } from '../tasks/tinyModel.js'

let parent: string
let model: Blip2
let set: EvaluationSet
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-eval-'))
  await writeTinyModel(join(parent, 'tiny'))
  model = await Blip2.fromPretrained(join(parent, 'tiny'))
  const random = new Random(1, 'pictures')
  const pictures = Array.from({ length: 14 }, (_, i) => ({
    id: `p${i}`,
    image: {
      data: Uint8Array.from({ length: 300 }, () => random.integer(256)),
      width: 10,
      height: 10,
      channels: 3 as const,
    },
    captions: [CAPTIONS[i % CAPTIONS.length]!],
    base: i < 12,
    style: i % 2 === 0 ? 'even' : 'odd',
  }))
  set = { name: 'made', pictures }
})
afterAll(async () => {
  await model.dispose()
  await rm(parent, { recursive: true })
})

describe('retrieval', () => {
  it('agrees with ranks computed pair by pair', async () => {
    const report = await evaluateRetrieval(model, set, { k: 3 })
    const base = set.pictures.slice(0, 12)
    const matches = await model.match(
      base.map(({ image }) => image),
      CAPTIONS,
    )
    const itcRight = matches.filter((row, i) => {
      const best = row.reduce((top, { itc }, t) => (itc > row[top]!.itc ? t : top), 0)
      return CAPTIONS[best] === base[i]!.captions[0]
    })
    expect(report.itcTextRecallAt1).toBeCloseTo(itcRight.length / 12, 10)
    expect(report).toMatchObject({ data: 'made', pictures: 12, names: 7, nameQueries: 7, k: 3 })
    expect(report.textRecallAt10).toBe(1)
    expect(report.textRecallAt5).toBeLessThan(1)
    expect(report.textRecallAt1).toBeLessThanOrEqual(report.textRecallAt5)
    expect(Object.keys(report.textRecallAt1ByStyle!)).toEqual(['even', 'odd'])
    expect(report).not.toHaveProperty('nearestNeighbourRecallAt1')
  })

  it('keeps all names under a limit and searches for those that can be found', async () => {
    const progress: string[] = []
    const report = await evaluateRetrieval(model, set, { limit: 4, onProgress: (doing) => progress.push(doing) })
    expect(report).toMatchObject({ pictures: 4, names: 7, nameQueries: 4 })
    expect(new Set(progress)).toEqual(new Set(['encoding pictures', 'naming pictures', 'finding pictures']))
  })

  it('takes captions of benchmarks apart: each is right for its own picture', async () => {
    const apart = await evaluateRetrieval(model, { ...set, captionsApart: true }, { k: 3 })
    expect(apart).toMatchObject({ pictures: 12, names: 12, nameQueries: 12 })
    const { textRecallAt1, intervals } = apart
    expect(intervals.textRecallAt1.low).toBeLessThanOrEqual(textRecallAt1)
    expect(intervals.textRecallAt1.high).toBeGreaterThanOrEqual(textRecallAt1)
  })

  it('goes on with the queries that a file does not hold, to the same scores', async () => {
    const path = join(parent, 'retrieval.jsonl')
    const of = { data: 'made', k: 3 }
    const whole = await evaluateRetrieval(model, set, { k: 3, log: await openRetrievalLog(path, of) })
    const lines = (await readFile(path, 'utf8')).trim().split('\n')
    expect(lines).toHaveLength(1 + 12 + 7)
    await writeFile(path, `${lines.slice(0, 16).join('\n')}\n{"id":"name 5`)
    const done: string[] = []
    const again = await evaluateRetrieval(model, set, {
      k: 3,
      log: await openRetrievalLog(path, of),
      onProgress: (doing, count) => done.push(`${doing} ${count}`),
    })
    expect(again).toEqual(whole)
    expect(done).toEqual([
      'encoding pictures 12',
      'finding pictures 4',
      'finding pictures 5',
      'finding pictures 6',
      'finding pictures 7',
    ])
    await expect(openRetrievalLog(path, { ...of, k: 4 })).rejects.toThrow(/another evaluation/)
  })

  it('stops when it is told to', async () => {
    await expect(evaluateRetrieval(model, set, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
  })
})

describe('captions', () => {
  it('are compared with the answers, by tone and by style', async () => {
    const own = await model.caption(set.pictures[0]!.image)
    const taught: EvaluationSet = {
      name: 'taught',
      pictures: set.pictures.map((picture, i) => (i === 0 ? { ...picture, captions: ['other', own.text] } : picture)),
    }
    const seen: string[] = []
    const report = await evaluateCaptions(model, taught, { onPicture: ({ id }) => seen.push(id) })
    expect(report).toMatchObject({ data: 'taught', count: 14, base: { count: 12 }, skinTone: { count: 2 } })
    expect(report.exactMatch).toBeCloseTo(own.text === '' ? 0 : 1 / 14, 10)
    expect(report.byStyle!['even']).toMatchObject({ count: 7 })
    expect(seen).toHaveLength(14)
    const mean = (report.base!.wordF1 * 12 + report.skinTone!.wordF1 * 2) / 14
    expect(report.wordF1).toBeCloseTo(mean, 10)
  })

  it("have coco-caption's scores where they are asked for, by style as well", async () => {
    const cocoMetrics = { meteor: false, samples: 10 }
    const { coco } = await evaluateCaptions(model, set, { cocoMetrics })
    const names = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4', 'ROUGE_L', 'CIDEr']
    expect(Object.keys(coco!.scores)).toEqual(names)
    expect(Object.keys(coco!.intervals)).toEqual(names)
    const even = { name: 'even', pictures: set.pictures.filter(({ style }) => style === 'even') }
    const alone = await evaluateCaptions(model, even, { cocoMetrics })
    expect(coco!.byStyle!['even']).toEqual(alone.coco!.scores)
  })

  it('of a set without tones and styles have no groups', async () => {
    const plain = { name: 'plain', pictures: set.pictures.map(({ id, image, captions }) => ({ id, image, captions })) }
    const report = await evaluateCaptions(model, plain, { limit: 2 })
    expect(Object.keys(report)).toEqual(['data', 'count', 'exactMatch', 'wordF1'])
    expect(report.count).toBe(2)
  })
})

it('names the splits there are', async () => {
  await expect(openEvaluationSet('emoji:holiday')).rejects.toThrow(/no such split.*test-style/)
})

it('spreads a limit over the set', () => {
  expect(spread([0, 1, 2, 3, 4, 5], 3)).toEqual([0, 2, 4])
  expect(spread([0, 1], 3)).toEqual([0, 1])
})
