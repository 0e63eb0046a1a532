import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCocoCaptions } from '../../../src/data/cocoCaptions.js'
import { SceneSet } from '../../../src/data/scenes/sceneSet.js'
import { writeScenes } from '../../../src/data/scenes/writeScenes.js'
import { readVqaAnnotations } from '../../../src/eval/benchmarks/vqa.js'
import { vqaAccuracy } from '../../../src/eval/metrics/vqaAccuracy.js'
import { decodeImage } from '../../../src/image/decode.js'
import { fakeDrawings } from './fakeDrawings.js'

let folder: string
const scenes = new SceneSet(fakeDrawings(), { split: 'val', count: 20, size: 32 })
const json = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8'))

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-scenes-'))
  await writeScenes(scenes, folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a written set of scenes', () => {
  it('is a COCO-captions folder with the very pixels', async () => {
    const images = await readCocoCaptions(folder)
    expect(images).toHaveLength(20)
    expect(images[3]!.captions).toEqual(scenes.captions(3))
    const { rgb, width } = await decodeImage(images[3]!.path)
    expect(width).toBe(32)
    const { rgba } = scenes.picture(3)
    expect([...rgb.subarray(0, 300)]).toEqual([...rgba].filter((_, i) => i % 4 < 3).slice(0, 300))
  })

  it('has questions and answers in the VQA v2 format, which the official evaluation accepts', async () => {
    const { questions, data_subtype } = await json('questions.json')
    const annotations = await readVqaAnnotations(join(folder, 'annotations.json'))
    expect(data_subtype).toBe('val')
    expect(questions).toHaveLength(20)
    const predictions = questions.map((question: { question_id: number }, index: number) => ({
      questionId: question.question_id,
      prediction: scenes.question(index).answer,
      ...annotations.get(question.question_id)!,
    }))
    expect(vqaAccuracy(predictions).overall).toBe(100)
    expect(new Set(annotations.get(1)!.answers.map(({ answer_id }) => answer_id)).size).toBe(10)
  })

  it('lists the complementary pairs and names the artists', async () => {
    expect(await json('complementary_pairs.json')).toEqual(Array.from({ length: 10 }, (_, n) => [2 * n + 1, 2 * n + 2]))
    expect(await readFile(join(folder, 'NOTICE'), 'utf8')).toContain('Noto Emoji')
  })
})
