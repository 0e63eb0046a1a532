import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { runCommand } from './runCommand.js'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/benchmarks/${name}`, import.meta.url))

let folder: string
let model: string[]
const file = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-eval-model-'))
  await writeTinyModel(file('tiny'))
  model = ['--model', file('tiny')]
  await mkdir(file('pictures/val2014'), { recursive: true })
  for (const name of ['val2014/COCO_val2014_000000391895', 'val2014/COCO_val2014_000000554625', 'n161313', 'n235859'])
    await sharp({ create: { width: 12, height: 12, channels: 3, background: '#c63' } }).toFile(
      file(`pictures/${name}.jpg`),
    )
})
/** A fixture's copy with short questions: the tiny model has room for few tokens. */
async function shortQuestions(name: string): Promise<string> {
  const text = await readFile(fixture(name), 'utf8')
  await writeFile(file(name), text.replace(/"question": "[^"]*"/g, '"question": "car?"'))
  return file(name)
}
const short = ['--template', '{}', '--max-new-tokens', '2']

afterAll(() => rm(folder, { recursive: true }))

describe('a model on a benchmark', () => {
  const coco = () => ['--annotations', fixture('dataset_coco.json'), '--images', file('pictures'), ...model]

  it('captions: scores, a submission and a page', async () => {
    const outputs = ['--results', file('captions.json'), '--report', file('report'), '--samples', '20', '--no-meteor']
    const args = ['eval', 'caption', '--benchmark', 'coco-caption', ...coco(), ...outputs, '--json']
    const { code, out } = await runCommand(args)
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      data: 'coco-caption',
      count: 2,
      coco: { scores: { CIDEr: expect.any(Number) }, intervals: { CIDEr: { low: expect.any(Number) } } },
    })
    expect(JSON.parse(await readFile(file('captions.json'), 'utf8'))).toEqual([
      { image_id: 391895, caption: expect.any(String) },
      { image_id: 554625, caption: expect.any(String) },
    ])
    expect((await readFile(file('report/index.html'), 'utf8')).match(/data:image/g)).toHaveLength(2)
  })

  it('retrieval: both directions over all captions', async () => {
    const { code, out } = await runCommand(['eval', 'retrieval', '--benchmark', 'coco-retrieval', ...coco(), '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ pictures: 2, names: 4, textRecallAt5: 1, imageRecallAt5: 1 })
  })

  it('retrieval: a page, and a file to go on from', async () => {
    const outputs = ['--resume', file('retrieval.jsonl'), '--report', file('retrieval'), '--samples', '20']
    const args = ['eval', 'retrieval', '--benchmark', 'coco-retrieval', ...coco(), ...outputs]
    const first = await runCommand(args)
    expect(first.out).toMatch(/picture to name .* \(R@1 /)
    expect((await readFile(file('retrieval/index.html'), 'utf8')).match(/data:image/g)).toHaveLength(2)
    expect(await runCommand(args)).toEqual(first)
    const other = await runCommand([...args, '--k', '1'])
    expect(other.code).toBe(2)
    expect(other.err).toContain('predictions of another evaluation')
  })

  it('questions: the accuracy and a submission', async () => {
    const vqa = [
      '--questions',
      await shortQuestions('vqa_questions.json'),
      '--annotations',
      fixture('vqa_annotations.json'),
    ]
    const flags = [...vqa, '--images', file('pictures'), '--results', file('answers.json'), ...short]
    const { code, out } = await runCommand(['eval', 'vqa', '--benchmark', 'vqav2', ...flags, ...model])
    expect(code).toBe(0)
    expect(out).toMatch(/^vqav2: 3 questions/)
    expect(out).toMatch(/^accuracy +\d+\.\d/m)
    expect(JSON.parse(await readFile(file('answers.json'), 'utf8'))).toMatchObject([
      { question_id: 1001, answer: expect.any(String) },
      { question_id: 1002 },
      { question_id: 2001 },
    ])
  })

  it('questions whose answers are secret: the submission alone, and an error without one', async () => {
    const flags = ['--questions', await shortQuestions('vqa_questions.json'), '--images', file('pictures'), ...model]
    const args = ['eval', 'vqa', '--benchmark', 'vqav2', ...flags, ...short]
    expect(await runCommand([...args, '--results', file('secret.json')])).toMatchObject({ code: 0, out: '', err: '' })
    expect(JSON.parse(await readFile(file('secret.json'), 'utf8'))).toHaveLength(3)
    expect(await runCommand(args)).toMatchObject({ code: 2, err: expect.stringMatching(/write a submission instead/) })
  })

  it('GQA in its own form', async () => {
    const gqa = ['--annotations', await shortQuestions('gqa_testdev_balanced.json'), '--images', file('pictures')]
    const flags = [...gqa, '--results', file('gqa.json'), ...short, '--json']
    const { code, out } = await runCommand(['eval', 'vqa', '--benchmark', 'gqa', ...flags, ...model])
    expect(code).toBe(0)
    expect(Object.keys(JSON.parse(out).perQuestionType)).toEqual(['verify', 'query'])
    expect(Object.keys(JSON.parse(await readFile(file('gqa.json'), 'utf8'))[0])).toEqual(['questionId', 'prediction'])
  })
})
