import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  readAnswerResults,
  readCaptionResults,
  writeAnswerResults,
  writeCaptionResults,
  writeGqaResults,
} from '../../../src/eval/benchmarks/submissions.js'

let folder: string
const file = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-results-'))
})
afterAll(() => rm(folder, { recursive: true }))

it('captions are written in the form the servers take, and read again', async () => {
  const results = [
    { image_id: 3, caption: 'a "red" car', score: 0.5 },
    { image_id: 1, caption: 'two dogs' },
  ]
  await writeCaptionResults(file('captions.json'), results)
  expect(await readFile(file('captions.json'), 'utf8')).toBe(
    '[{"image_id":3,"caption":"a \\"red\\" car"},{"image_id":1,"caption":"two dogs"}]',
  )
  expect([...(await readCaptionResults(file('captions.json')))]).toEqual([
    [3, 'a "red" car'],
    [1, 'two dogs'],
  ])
})

it("GQA's form names its fields otherwise", async () => {
  await writeGqaResults(file('gqa.json'), [{ question_id: '201307251', answer: 'no' }])
  expect(await readFile(file('gqa.json'), 'utf8')).toBe('[{"questionId":"201307251","prediction":"no"}]')
})

it('and so are answers', async () => {
  await writeAnswerResults(file('answers.json'), [{ question_id: 262148000, answer: 'yes' }])
  expect(await readFile(file('answers.json'), 'utf8')).toBe('[{"question_id":262148000,"answer":"yes"}]')
  expect([...(await readAnswerResults(file('answers.json')))]).toEqual([[262148000, 'yes']])
})

it('one result a picture and a question', async () => {
  const twice = [
    { image_id: 3, caption: 'a' },
    { image_id: 3, caption: 'b' },
  ]
  await expect(writeCaptionResults(file('twice.json'), twice)).rejects.toThrow(/image 3 has two results/)
  await writeFile(file('twice.json'), JSON.stringify(twice))
  await expect(readCaptionResults(file('twice.json'))).rejects.toThrow(/\[1\]: a second caption of image 3/)
})

it.each([
  ['[{"image_id": 3}]', /\[0\]\.caption/],
  ['[]', /is empty; expected a list of \{ image_id, caption \}/],
  ['{"annotations": [{"image_id": 3, "caption": "a"}]}', /expected the file to be a list/],
])('%s is refused', async (text, message) => {
  await writeFile(file('wrong.json'), text)
  await expect(readCaptionResults(file('wrong.json'))).rejects.toThrow(message)
})
