import { readFile, rm } from 'node:fs/promises'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBert } from '../../../src/frozen/bertModel.js'
import { Blip2 } from '../../../src/tasks/blip2.js'
import { planPretraining } from '../../../src/train/recipes/dryRun.js'
import { bertWeights, newModel } from '../../../src/train/recipes/newModel.js'
import { loadPart } from '../../../src/train/recipes/parts.js'
import { pretrainStage1, pretrainStage2 } from '../../../src/train/recipes/pretrain.js'
import { readModelDirectory } from '../../../src/weights/modelDirectory.js'
import { frozenFixture, writeBert, writeT5 } from '../../frozen/fixtures.js'
import { writeTinyCaptionFolder } from './tinyCaptionFolder.js'

let parent: string
let data: string
const file = (name: string) => join(parent, name)
const stage1 = (out: string, changes: object = {}) =>
  pretrainStage1({
    ...{ preset: 'emoji-quick', steps: 2, out: file(out), resume: false, data },
    vision: frozenFixture('clip'),
    bert: file('bert'),
    ...changes,
  })
const stage2 = (out: string, languageModel: string) =>
  pretrainStage2({
    ...{ preset: 'emoji-quick', steps: 2, out: file(out), resume: false, data },
    stage1: file('stage1'),
    languageModel,
  })

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-foreign-'))
  data = await writeTinyCaptionFolder(file('pictures'))
  await writeBert(file('bert'))
  await writeT5(file('t5'))
  await stage1('stage1')
})
afterAll(() => rm(parent, { recursive: true, force: true }))

describe('both stages with models of transformers', () => {
  it.each([
    ['opt', frozenFixture('opt')],
    ['t5', ''],
  ])('lead to a model that opens, captions and matches: CLIP, BERT and %s', async (kind, directory) => {
    await stage2(`stage2-${kind}`, directory || file('t5'))
    await using model = await Blip2.fromPretrained(file(`stage2-${kind}/model`))
    expect(model.config).toMatchObject({
      vision: { kind: 'clip', width: 16, layers: 2, standardizedFeatures: false },
      mean: [0.48, 0.46, 0.41],
      qformer: { width: 24, layers: 2, heads: 2, queries: 8, encoderWidth: 16, vocabularySize: 131 },
      language: { kind, width: 16 },
      text: { decoderToken: expect.any(Number), padToken: 0 },
    })
    const picture = file('pictures/images/0.png')
    expect(await model.caption(picture)).toMatchObject({ text: expect.any(String) })
    const [match] = await model.match(picture, ['octopus'])
    expect(match!.itm).toBeGreaterThan(0)
    expect(match!.itm).toBeLessThan(1)
  })

  it('keep the encoder as it was, and start the Q-Former from BERT', async () => {
    const model = await newModel({ preset: 'emoji-quick', vision: frozenFixture('clip'), bert: file('bert') })
    const start = await bertWeights(model.config, await openBert(file('bert')), 1)
    const trained = await loadPart(await readModelDirectory(file('stage1/model')), 'stage1')
    const words = 'Qformer.bert.embeddings.word_embeddings.weight'
    // Two steps at the beginning of the warm-up move little.
    const [before, after] = [start.get(words)!, trained.get(words)!.data]
    expect(after.length).toBe(before.length)
    expect(Math.max(...after.map((value, i) => Math.abs(value - before[i]!)))).toBeLessThan(0.01)
    const metrics = await readFile(file('stage1/config.json'), 'utf8')
    expect(JSON.parse(metrics).inputs).toMatchObject({ bert: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  it('take a ViT and no BERT: the Q-Former of the model that ships, with its vocabulary', async () => {
    await stage1('vit', { vision: frozenFixture('vit'), bert: undefined, steps: 1 })
    const { config } = await readModelDirectory(file('vit/model'))
    expect(config).toMatchObject({
      vision: { kind: 'eva', layerNormEpsilon: 1e-12 },
      qformer: { width: 192, encoderWidth: 16 },
    })
  })
})

describe('before anything is trained', () => {
  it('a preset of the paper asks for BERT', async () => {
    const options = { preset: 'paper-vit-l', vision: frozenFixture('clip') } as const
    await expect(newModel(options)).rejects.toThrow(/give --bert, such as google-bert\/bert-base-uncased/)
    expect((await newModel({ ...options, bert: file('bert') })).config.qformer).toMatchObject({
      queries: 32,
      width: 24,
    })
  })

  it('--bert does not go with --from', async () => {
    await expect(stage1('no', { from: file('stage1'), vision: undefined })).rejects.toThrow(
      /--bert does not go with --from/,
    )
  })

  it('--dry-run plans with the sizes of the given models', async () => {
    const plan = await planPretraining('stage2', {
      ...{ preset: 'emoji-quick', data: 'emoji', out: parent, stage1: 'none' },
      vision: frozenFixture('vit'),
      languageModel: file('t5'),
    })
    expect(plan.model).toMatchObject({ vision: { width: 16 }, language: { kind: 't5', width: 16 } })
  })
})
