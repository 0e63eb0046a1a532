import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BENCHMARKS, type BenchmarkFiles, openBenchmark } from '../../../src/eval/benchmarks/benchmarks.js'
import { openBenchmarkSet } from '../../../src/eval/evaluationSet.js'

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/benchmarks/${name}`, import.meta.url))
const images = 'pictures'

const FILES: Record<(typeof BENCHMARKS)[number], BenchmarkFiles> = {
  'coco-caption': { annotations: fixture('dataset_coco.json'), images },
  'coco-retrieval': { annotations: fixture('dataset_coco.json'), images },
  'flickr30k-retrieval': { annotations: fixture('dataset_flickr30k.json'), images },
  nocaps: { annotations: fixture('nocaps_val.json'), images },
  vqav2: { questions: fixture('vqa_questions.json'), annotations: fixture('vqa_annotations.json'), images },
  'ok-vqa': { questions: fixture('vqa_questions.json'), annotations: fixture('vqa_annotations.json'), images },
  gqa: { annotations: fixture('gqa_testdev_balanced.json'), images },
  'visual-genome-qa': { annotations: fixture('visual_genome_qa.json'), images },
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-benchmarks-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A copy of a fixture with one thing changed. */
async function broken(name: string, from: string, to: string): Promise<string> {
  const text = await readFile(fixture(name), 'utf8')
  expect(text).toContain(from)
  const path = join(folder, name)
  await writeFile(path, text.replace(from, to))
  return path
}

describe('openBenchmark', () => {
  it.each(BENCHMARKS)('reads %s', async (name) => {
    const benchmark = await openBenchmark(name, FILES[name])
    expect(benchmark.task === 'vqa' ? benchmark.questions.length : benchmark.pictures.length).toBeGreaterThan(0)
  })

  it('takes the split of Karpathy that was asked for, under the ids of COCO', async () => {
    expect(await openBenchmark('coco-caption', FILES['coco-caption'])).toEqual({
      task: 'caption',
      pictures: [
        {
          id: 391895,
          path: join(images, 'val2014/COCO_val2014_000000391895.jpg'),
          captions: ['A man with a red helmet on a bike.', 'A man rides a bike on a dirt road.'],
        },
        {
          id: 554625,
          path: join(images, 'val2014/COCO_val2014_000000554625.jpg'),
          captions: ['A boy in front of a keyboard.', 'A young boy at a computer.'],
        },
      ],
    })
    const { pictures } = (await openBenchmark('coco-retrieval', { ...FILES['coco-retrieval'], split: 'val' })) as {
      pictures: readonly { id: number }[]
    }
    expect(pictures.map(({ id }) => id)).toEqual([522418])
  })

  it('knows the domains of NoCaps, and groups scores by them', async () => {
    const { pictures } = await openBenchmarkSet('nocaps', FILES.nocaps)
    expect(pictures.map(({ id, style, captions }) => [id, style, captions.length])).toEqual([
      ['0', 'in-domain', 2],
      ['1', 'out-domain', 1],
    ])
  })

  it('joins questions, answers and pictures of VQA', async () => {
    expect(await openBenchmark('vqav2', FILES.vqav2)).toMatchObject({
      task: 'vqa',
      questions: [
        {
          id: 1001,
          path: join(images, 'val2014/COCO_val2014_000000391895.jpg'),
          question: 'Is the man wearing a helmet?',
          questionType: 'is the',
          answerType: 'yes/no',
          answers: Array.from({ length: 10 }, (_, i) => ({
            answer: 'yes',
            answer_id: i + 1,
            answer_confidence: 'yes',
          })),
        },
        { id: 1002 },
        { id: 2001 },
      ],
    })
    const secret = await openBenchmark('vqav2', { questions: fixture('vqa_questions.json'), images, split: 'test2015' })
    expect(secret).toMatchObject({
      questions: [{ id: 1001, path: join(images, 'test2015/COCO_test2015_000000391895.jpg') }, {}, {}],
    })
    expect(secret).not.toHaveProperty('questions.0.answers')
  })

  it('reads the one answer of GQA and of Visual Genome', async () => {
    expect(await openBenchmark('gqa', FILES.gqa)).toMatchObject({
      questions: [
        { id: '201307251', path: join(images, 'n161313.jpg'), answers: [{ answer: 'no' }], questionType: 'verify' },
        { id: '201640614', answers: [{ answer: 'woman' }], answerType: 'rel' },
      ],
    })
    expect(await openBenchmark('visual-genome-qa', FILES['visual-genome-qa'])).toMatchObject({
      questions: [
        { id: 986768, path: join(images, '1.jpg'), answers: [{ answer: 'Green.' }], questionType: 'what' },
        { id: 986777, questionType: 'how' },
        { id: 1000000, path: join(images, '2.jpg') },
      ],
    })
  })
})

describe('what is wrong is named', () => {
  it('a benchmark, a split, a file that is missing', async () => {
    await expect(openBenchmark('imagenet', { images })).rejects.toThrow(/no "imagenet".*coco-caption/)
    await expect(openBenchmark('nocaps', { images })).rejects.toThrow(/nocaps needs its file of annotations/)
    await expect(openBenchmark('vqav2', { ...FILES.vqav2, split: 'val' })).rejects.toThrow(/no "val".*val2014/)
    await expect(openBenchmarkSet('gqa', FILES.gqa)).rejects.toThrow(/benchmark of questions/)
    await expect(
      openBenchmark('flickr30k-retrieval', { ...FILES['flickr30k-retrieval'], split: 'val' }),
    ).rejects.toThrow(/no picture is of the split val/)
  })

  it.each([
    ['coco-caption', 'dataset_coco.json', '"split": "test"', '"split": "tset"', /images\[0\].*split/s],
    ['coco-caption', 'dataset_coco.json', '"filepath": "val2014"', '"filepath": "../.."', /images\[0\].*inside/s],
    ['nocaps', 'nocaps_val.json', '"out-domain"', '"far"', /images\[1\].*domain/s],
    ['nocaps', 'nocaps_val.json', '"image_id": 1', '"image_id": 9', /annotations\[2\].*image 9/s],
    ['gqa', 'gqa_testdev_balanced.json', '"imageId": "n235859"', '"imageId": 5', /201640614\.imageId/],
    ['visual-genome-qa', 'visual_genome_qa.json', '"qa_id": 986777', '"qa_id": 986768', /986768/],
  ] as const)('in an entry of %s', async (name, file, from, to, message) => {
    await expect(openBenchmark(name, { annotations: await broken(file, from, to), images })).rejects.toThrow(message)
  })

  it('a question without an annotation, and an annotation without answers', async () => {
    const unknown = await broken('vqa_annotations.json', '"question_id": 1002', '"question_id": 7')
    await expect(openBenchmark('vqav2', { ...FILES.vqav2, annotations: unknown })).rejects.toThrow(
      /questions\[1\].*question 1002 has no annotation/s,
    )
    const empty = await broken('vqa_annotations.json', '"answers": [', '"answers": [], "others": [')
    await expect(openBenchmark('vqav2', { ...FILES.vqav2, annotations: empty })).rejects.toThrow(
      /annotations\[0\]\.answers/,
    )
  })

  it('a file that is not what it should be', async () => {
    await expect(openBenchmark('gqa', { annotations: fixture('vqa_results.json'), images })).rejects.toThrow(
      /vqa_results/,
    )
    await expect(openBenchmark('gqa', { annotations: join(folder, 'none.json'), images })).rejects.toThrow(/ENOENT/)
  })
})
