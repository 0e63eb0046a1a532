import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../cli/runCommand.js'
import { vqaFiles } from '../../../src/data/scenes/vqaFormat.js'
import { ConfigError } from '../../../src/errors.js'
import { Blip2 } from '../../../src/tasks/blip2.js'
import { finetuneCaption, finetuneRetrieval, finetuneVqa } from '../../../src/train/finetune/finetune.js'
import { readModelDirectory } from '../../../src/weights/modelDirectory.js'
import { writeTinyModel } from '../../tasks/tinyModel.js'
import { writeTinyCaptionFolder } from '../recipes/tinyCaptionFolder.js'

let parent: string
let data: string
const file = (name: string) => join(parent, name)
const options = (out: string, changes: object = {}) => ({
  model: file('start'),
  data,
  out: file(out),
  resume: false,
  steps: 2,
  ...changes,
})

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-finetune-'))
  await writeTinyModel(file('start'), undefined, { maxPositions: 64 })
  data = await writeTinyCaptionFolder(file('pictures'))
  const asked = [
    { question: 'what is this?', answers: ['octopus', 'red car', 'hot dog', 'dog face'] },
    { question: 'is it red?', answers: ['no', 'yes', 'no', 'no'] },
  ].flatMap(({ question, answers }, q) =>
    answers.map((answer, imageId) => ({
      id: q * 4 + imageId + 1,
      imageId,
      question,
      answer,
      type: 'presence' as const,
    })),
  )
  const { questions, annotations } = vqaFiles(asked, 'train')
  await writeFile(join(data, 'questions.json'), JSON.stringify(questions))
  await writeFile(join(data, 'annotations.json'), JSON.stringify(annotations))
  await finetuneVqa({ ...options('vqa'), preset: 'emoji-vqa' })
  await finetuneCaption({ ...options('caption'), preset: 'emoji' })
  await finetuneRetrieval({ ...options('retrieval'), preset: 'emoji' })
})
afterAll(() => rm(parent, { recursive: true, force: true }))

describe('fine-tuning on a folder', () => {
  it('for answers gives a model that is asked, whose Q-Former reads the question', async () => {
    await using model = await Blip2.fromPretrained(file('vqa/model'))
    expect(model.config).toMatchObject({ questionToQFormer: true, vision: { imageSize: 96 } })
    const picture = join(data, 'images/0.png')
    const answers = await model.ask([picture, picture], ['what is this?', 'is it red?'])
    expect(answers).toHaveLength(2)
    expect(await model.caption(picture)).toMatchObject({ text: expect.any(String) })
  })

  it('leaves the language model as it was, to the byte', async () => {
    const start = await readFile(file('start/language.safetensors'))
    for (const run of ['vqa', 'caption'])
      expect(await readFile(file(`${run}/model/language.safetensors`))).toEqual(start)
    expect(await readFile(file('vqa/model/vision.safetensors'))).not.toEqual(
      await readFile(file('start/vision.safetensors')),
    )
  })

  it('for captions puts the prompt in front; for retrieval matches', async () => {
    await using captioner = await Blip2.fromPretrained(file('caption/model'))
    expect(captioner.config.generation.prompt).toBe('a photo of')
    await using retriever = await Blip2.fromPretrained(file('retrieval/model'))
    const [match] = await retriever.match(join(data, 'images/0.png'), ['octopus'])
    expect(match!.itm).toBeGreaterThan(0)
    expect([...(await readModelDirectory(file('retrieval/model'))).parts]).toEqual(['vision', 'stage1'])
  })

  it('writes a card that says what the model gets wrong, and how to ask and score it', async () => {
    const card = await readFile(file('vqa/model/README.md'), 'utf8')
    expect(card).toContain('## What it gets wrong')
    expect(card).toContain('npx blip2 eval vqa')
    expect(card).not.toContain(parent)
  })

  it('goes on from a fine-tuned model, which has the text side already', async () => {
    await finetuneVqa({ ...options('again', { model: file('vqa'), steps: 1 }), preset: 'emoji-vqa' })
    expect((await readModelDirectory(file('again/model'))).config.questionToQFormer).toBe(true)
  })

  it('is refused where the text side is nowhere', async () => {
    await writeTinyModel(file('no-stage1'), ['vision', 'stage2', 'language'], { maxPositions: 64 })
    const started = finetuneVqa({ ...options('x', { model: file('no-stage1') }), preset: 'emoji-vqa' })
    await expect(started).rejects.toThrow(ConfigError)
  })

  it('is evaluated: predictions are kept, gone on with, and the guesser stands beside them', async () => {
    const predictions = file('predictions.jsonl')
    const command = [
      'eval',
      'vqa',
      '--model',
      file('vqa/model'),
      '--data',
      data,
      '--json',
      '--predictions',
      predictions,
    ]
    const { out, code } = await runCommand(command)
    expect(code).toBe(0)
    const report = JSON.parse(out)
    expect(report).toMatchObject({ count: 8, accuracy: expect.any(Number), questionOnlyAccuracy: expect.any(Number) })
    const lines = (await readFile(predictions, 'utf8')).trim().split('\n')
    expect(lines).toHaveLength(9)
    await writeFile(predictions, `${lines.slice(0, 5).join('\n')}\n{"id":5,"pred`)
    expect(JSON.parse((await runCommand([...command, '--resume'])).out)).toEqual(report)
    const other = await runCommand([...command, '--resume', '--num-beams', '1'])
    expect(other.code).toBe(2)
    expect(other.err).toContain('predictions of another evaluation')
  })
})
