import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from './runCommand.js'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/benchmarks/${name}`, import.meta.url))
const captions = ['--references', fixture('captions_references.json'), '--hypotheses', fixture('captions_results.json')]
const answers = ['--annotations', fixture('vqa_annotations.json'), '--hypotheses', fixture('vqa_results.json')]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-eval-files-'))
  await mkdir(join(folder, 'pictures'))
  for (const id of [1, 2, 3, 4, 5])
    await sharp({ create: { width: 8, height: 8, channels: 3, background: '#369' } }).toFile(
      join(folder, 'pictures', `${id}.png`),
    )
})
afterAll(() => rm(folder, { recursive: true }))

describe('eval caption --references --hypotheses', () => {
  it('prints the scores times 100 with their intervals', async () => {
    const { code, out, err } = await runCommand(['eval', 'caption', ...captions, '--samples', '100'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out.split('\n')[0]).toBe('5 of 5 pictures, × 100, 95 % intervals')
    expect(out.match(/^\w+/gm)!.slice(1)).toEqual([
      'Bleu_1',
      'Bleu_2',
      'Bleu_3',
      'Bleu_4',
      'METEOR',
      'ROUGE_L',
      'CIDEr',
    ])
    expect(out).toMatch(/^Bleu_4 +\d+\.\d {2}\d+\.\d to \d+\.\d$/m)
  })

  it('prints JSON, the same for the same seed', async () => {
    const args = ['eval', 'caption', ...captions, '--json', '--no-meteor', '--samples', '50']
    const [one, again, other] = [
      await runCommand(args),
      await runCommand(args),
      await runCommand([...args, '--seed', '1']),
    ]
    expect(one.out).toBe(again.out)
    expect(one.out).not.toBe(other.out)
    const report = JSON.parse(one.out)
    expect(report).toMatchObject({ count: 5, pictures: 5, intervals: { CIDEr: { low: expect.any(Number) } } })
    expect(Object.keys(report.scores)).toEqual(['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4', 'ROUGE_L', 'CIDEr'])
  })

  it('writes a page with the pictures', async () => {
    const report = join(folder, 'captions-report')
    const images = ['--images', join(folder, 'pictures'), '--no-meteor', '--samples', '20']
    expect(await runCommand(['eval', 'caption', ...captions, ...images, '--report', report])).toMatchObject({ code: 0 })
    const page = await readFile(join(report, 'index.html'), 'utf8')
    expect(page.match(/data:image\/jpeg/g)).toHaveLength(5)
    expect(page).toContain('a man riding a horse on the beach')
  })

  it('wants a caption of every picture, or --partial', async () => {
    const some = join(folder, 'some.json')
    await writeFile(
      some,
      JSON.stringify([
        { image_id: 1, caption: 'a horse' },
        { image_id: 2, caption: 'two dogs' },
      ]),
    )
    const args = ['eval', 'caption', '--references', fixture('captions_references.json'), '--hypotheses', some]
    expect(await runCommand(args)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/no caption of image 3 and 2 others.*--partial/),
    })
    const { out } = await runCommand([...args, '--partial', '--no-meteor'])
    expect(out.split('\n')[0]).toMatch(/^2 of 5 pictures/)
  })

  it('names a caption of no picture', async () => {
    const wrong = join(folder, 'wrong.json')
    await writeFile(wrong, JSON.stringify([{ image_id: 77, caption: 'a horse' }]))
    const args = ['eval', 'caption', '--references', fixture('captions_references.json'), '--hypotheses', wrong]
    expect(await runCommand(args)).toMatchObject({ code: 1, err: expect.stringMatching(/image 77 has no captions in/) })
  })

  it.each([
    [['--references', 'a.json'], /belong together/],
    [[...captions, '--data', 'folder'], /without a model/],
    [['--data', 'folder', '--benchmark', 'nocaps'], /exclude each other/],
    [['--benchmark', 'nocaps'], /needs --images/],
  ] as const)('%j is wrong use', async (flags, message) => {
    expect(await runCommand(['eval', 'caption', ...flags])).toMatchObject({
      code: 2,
      err: expect.stringMatching(message),
    })
  })
})

describe('eval vqa', () => {
  it('prints the accuracy by type', async () => {
    const { code, out } = await runCommand(['eval', 'vqa', ...answers])
    expect(code).toBe(0)
    // yes: 100; bicycle, three of ten: 90; two: 0.
    expect(out).toMatch(/^accuracy +63\.3 {2}\d+\.\d to \d+\.\d$/m)
    expect(out).toMatch(/^ {2}yes\/no +100\.0$/m)
    expect(out).toMatch(/^ {2}how many +0\.0$/m)
  })

  it('prints JSON, and the official numbers unless told otherwise', async () => {
    const capital = join(folder, 'capital.json')
    const text = await readFile(fixture('vqa_annotations.json'), 'utf8')
    await writeFile(capital, text.replaceAll('"answer": "yes"', '"answer": "Yes"'))
    const args = ['eval', 'vqa', '--annotations', capital, '--hypotheses', fixture('vqa_results.json'), '--json']
    expect(JSON.parse((await runCommand(args)).out)).toMatchObject({ count: 3, overall: 30 })
    expect(JSON.parse((await runCommand([...args, '--fixed'])).out)).toMatchObject({ overall: 63.33 })
  })

  it('writes a page with questions and a table by type', async () => {
    const report = join(folder, 'vqa-report')
    const flags = ['--questions', fixture('vqa_questions.json'), '--report', report]
    expect(await runCommand(['eval', 'vqa', ...answers, ...flags])).toMatchObject({ code: 0 })
    const page = await readFile(join(report, 'index.html'), 'utf8')
    expect(page).toContain('By type of question')
    expect(page).toContain('How many boys are there?')
  })

  it.each([
    [[], /either --benchmark.*or --hypotheses/],
    [[...answers, '--benchmark', 'gqa'], /either/],
    [['--hypotheses', 'a.json'], /needs --annotations/],
    [['--benchmark', 'gqa'], /needs --images/],
  ] as const)('%j is wrong use', async (flags, message) => {
    expect(await runCommand(['eval', 'vqa', ...flags])).toMatchObject({ code: 2, err: expect.stringMatching(message) })
  })

  it('names an answer to no question', async () => {
    const wrong = join(folder, 'answers.json')
    await writeFile(wrong, JSON.stringify([{ question_id: 5, answer: 'yes' }]))
    const args = ['eval', 'vqa', '--annotations', fixture('vqa_annotations.json'), '--hypotheses', wrong]
    expect(await runCommand(args)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/question 5 has no annotation/),
    })
  })
})
