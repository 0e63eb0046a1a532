import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/errors.js'
import { estimateModel } from '../../../src/estimate/estimateModel.js'
import { exportModel } from '../../../src/export/exportModel.js'
import { quantizeModel } from '../../../src/quantize/quantizeModel.js'
import { Blip2 } from '../../../src/tasks/blip2.js'
import { finetuneCaption } from '../../../src/train/finetune/finetune.js'
import { cacheFeatures } from '../../../src/train/recipes/cacheFeatures.js'
import { planPretraining } from '../../../src/train/recipes/dryRun.js'
import { pretrainStage1, pretrainStage2 } from '../../../src/train/recipes/pretrain.js'
import { frozenFixture, writeBert } from '../../frozen/fixtures.js'
import { WIDTH, writeOnnxEncoder, writePreprocessor } from '../../frozen/onnxFile.js'
import { writeTinyCaptionFolder } from './tinyCaptionFolder.js'

const NAMES = ['octopus', 'red car', 'hot dog', 'dog face', 'apple', 'plum', 'kiwi', 'fig', 'lime', 'pear']
const colors = Object.fromEntries(NAMES.map((name, i) => [name, `hsl(${36 * i}, 70%, 50%)`]))

let parent: string
const file = (name: string) => join(parent, name)
const stage1 = (changes: object = {}) =>
  pretrainStage1({
    ...{ preset: 'emoji-quick', steps: 2, out: file('stage1'), resume: false, data: file('pictures') },
    ...{ vision: file('encoder/encoder.onnx'), bert: file('bert') },
    ...changes,
  })
const firstLoss = async (run: string) => {
  const [line] = (await readFile(file(`${run}/metrics.jsonl`), 'utf8')).split('\n')
  return (JSON.parse(line!) as { loss: number }).loss
}

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-onnx-'))
  await writeTinyCaptionFolder(file('pictures'), colors)
  await writeBert(file('bert'))
  await writeOnnxEncoder(file('encoder/encoder.onnx'), { external: 'encoder.onnx_data' })
  await writePreprocessor(file('encoder'))
  await stage1()
  await pretrainStage2({
    ...{ preset: 'emoji-quick', steps: 2, out: file('stage2'), resume: false, data: file('pictures') },
    ...{ stage1: file('stage1'), languageModel: frozenFixture('opt') },
  })
})
afterAll(() => rm(parent, { recursive: true, force: true }))

describe('both stages with an encoder that is an ONNX file', () => {
  it('lead to a model that has a copy of it: it opens, captions and matches without the first one', async () => {
    await rename(file('encoder'), file('away'))
    await using model = await Blip2.fromPretrained(file('stage2/model'))
    await rename(file('away'), file('encoder'))
    expect(model.config).toMatchObject({ vision: { kind: 'onnx', width: WIDTH, tokens: 16 }, mean: [0.4, 0.5, 0.6] })
    const [one, two] = [file('pictures/images/0.png'), file('pictures/images/5.png')]
    expect(await model.caption(one)).toMatchObject({ text: expect.any(String) })
    const scores = await model.match([one, two], ['octopus', 'plum'])
    expect(scores[0]![0]!.itc).not.toBe(scores[1]![0]!.itc)
    const card = await readFile(file('stage2/model/README.md'), 'utf8')
    expect(card).toContain('| vision | an ONNX file |')
    await expect(model.attention(one)).rejects.toThrow(/16 tokens, which are no class token and a square/)
  })

  it('begin alike from its cached features, which belong to it alone', async () => {
    const cache = { data: file('pictures'), preset: 'emoji-quick', out: file('features'), views: 1, seed: 0 } as const
    const index = await cacheFeatures({ ...cache, model: file('encoder/encoder.onnx'), resume: false, batch: 3 })
    expect(index).toMatchObject({ pictures: 10, width: WIDTH, tokens: 16 })
    await stage1({ out: file('cached'), features: file('features') })
    expect((await firstLoss('cached')) / (await firstLoss('stage1'))).toBeCloseTo(1, 1)
    await writeOnnxEncoder(file('other/encoder.onnx'), { external: 'encoder.onnx_data', width: 8 })
    await writePreprocessor(file('other'))
    const other = { vision: file('other/encoder.onnx') }
    await expect(stage1({ ...other, out: file('no'), features: file('features') })).rejects.toThrow(
      /made with another image encoder/,
    )
    await expect(stage1({ ...other, resume: true })).rejects.toThrow(/inputs\.vision/)
  })

  it('are planned: what the file itself takes is said not to be known', async () => {
    const plan = await planPretraining('stage1', {
      ...{ preset: 'emoji-quick', data: 'emoji', out: parent, vision: file('encoder/encoder.onnx') },
    })
    expect(plan.model.vision).toMatchObject({ kind: 'onnx', tokens: 16 })
    expect(plan.estimate.parameters).toMatchObject({ vision: 0 })
  })
})

describe('what needs an encoder that is drawn here', () => {
  it.each([
    ['quantisation', () => quantizeModel(file('stage2/model'), file('q'), { dtype: { languageModel: 'q8' } })],
    ['an estimate', () => estimateModel(file('stage2/model'))],
    ['an export', () => exportModel(file('stage2/model'), file('e'))],
    [
      'fine-tuning',
      () =>
        finetuneCaption({
          ...{ preset: 'emoji', model: file('stage2/model'), data: file('pictures') },
          ...{ out: file('f'), resume: false },
        }),
    ],
  ])('refuses: %s', async (what, run) => {
    await expect(run()).rejects.toThrow(ConfigError)
    await expect(run()).rejects.toThrow(`${what} needs an image encoder in the form of CLIP or EVA; that of this model`)
  })
})
