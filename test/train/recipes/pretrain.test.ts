import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, DataError, ModelNotFoundError } from '../../../src/errors.js'
import { quantizeModel } from '../../../src/quantize/quantizeModel.js'
import { Blip2 } from '../../../src/tasks/blip2.js'
import { pretrainStage1, pretrainStage2 } from '../../../src/train/recipes/pretrain.js'
import { readModelDirectory } from '../../../src/weights/modelDirectory.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'
import { writeTinyModel } from '../../tasks/tinyModel.js'
import { writeTinyCaptionFolder } from './tinyCaptionFolder.js'

let parent: string
let data: string
const file = (name: string) => join(parent, name)
const stage1 = (changes: object = {}) =>
  pretrainStage1({
    preset: 'emoji-quick',
    steps: 2,
    out: file('stage1'),
    resume: false,
    data,
    vision: file('frozen'),
    ...changes,
  })
const stage2 = (changes: object = {}) =>
  pretrainStage2({
    preset: 'emoji-quick',
    steps: 2,
    out: file('stage2'),
    resume: false,
    data,
    stage1: file('stage1'),
    languageModel: file('frozen'),
    ...changes,
  })
const configOf = async (run: string) => JSON.parse(await readFile(file(`${run}/config.json`), 'utf8'))

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-recipes-'))
  await writeTinyModel(file('frozen'), ['vision', 'language'])
  await writeTinyModel(file('whole'))
  data = await writeTinyCaptionFolder(file('pictures'))
  await stage1()
  await stage2()
})
afterAll(() => rm(parent, { recursive: true, force: true }))

describe('both stages on a folder of pictures', () => {
  it('lead to a model that opens, captions and matches', async () => {
    await using model = await Blip2.fromPretrained(file('stage2/model'))
    const picture = file('pictures/images/0.png')
    expect(await model.caption(picture)).toMatchObject({ text: expect.any(String) })
    const [scores] = await model.match(picture, ['octopus'])
    expect(scores!.itm).toBeGreaterThan(0)
    expect(scores!.itm).toBeLessThan(1)
  })

  it('write each part that they had, the frozen ones as they were', async () => {
    expect([...(await readModelDirectory(file('stage1/model'))).parts]).toEqual(['vision', 'stage1'])
    expect([...(await readModelDirectory(file('stage2/model'))).parts]).toEqual([
      'vision',
      'stage1',
      'stage2',
      'language',
    ])
    for (const part of ['vision', 'language'])
      expect(await readFile(file(`stage2/model/${part}.safetensors`))).toEqual(
        await readFile(file(`frozen/${part}.safetensors`)),
      )
  })

  it('compute the language model in 8 bits where asked to, and write it as it was', async () => {
    await stage2({ out: file('q8'), languageDtype: 'q8', cacheDir: file('cache') })
    expect(await configOf('q8')).toMatchObject({ inputs: { languageDtype: 'q8' } })
    expect(await readFile(file('q8/model/language.safetensors'))).toEqual(
      await readFile(file('frozen/language.safetensors')),
    )
    const firstLoss = async (run: string) => {
      const [line] = (await readFile(file(`${run}/metrics.jsonl`), 'utf8')).split('\n')
      return (JSON.parse(line!) as { loss: number }).loss
    }
    expect((await firstLoss('q8')) / (await firstLoss('stage2'))).toBeCloseTo(1, 1)
    expect(await firstLoss('q8')).not.toBe(await firstLoss('stage2'))
  })

  it.each(['q8', 'q4'] as const)('take frozen models of %s, and write them as float16', async (bits) => {
    const path = file(`quantized-${bits}`)
    await quantizeModel(file('whole'), path, { dtype: { vision: 'q8', languageModel: bits }, compare: false })
    const [first, second] = [file(`stage1-${bits}`), file(`stage2-${bits}`)]
    await stage1({ out: first, vision: path, steps: 1 })
    await stage2({ out: second, stage1: first, languageModel: path, steps: 1 })
    await using weights = await SafetensorsFile.open(join(second, 'model/language.safetensors'))
    expect([...weights.tensors.values()].every((tensor) => tensor.dtype === 'F16')).toBe(true)
    await using model = await Blip2.fromPretrained(join(second, 'model'))
    expect(await model.caption(file('pictures/images/0.png'))).toMatchObject({ text: expect.any(String) })
  })

  it('stretch the schedule to the steps asked for', async () => {
    const long = file('long')
    const started = stage1({ out: long, steps: 3200, ...stopAfter(1) })
    await expect(started).rejects.toMatchObject({ name: 'AbortError' })
    expect(await configOf('long')).toMatchObject({ steps: 3200, schedule: { warmupSteps: 160, totalSteps: 3200 } })
  })

  it('tell on the card what the model knows, and no path', async () => {
    const card = await readFile(file('stage2/model/README.md'), 'utf8')
    expect(card).toContain('like those of the folder')
    expect(card).toContain('"startsFromStage1": true')
    expect(card).not.toContain(parent)
  })

  it('go on from the weights of an earlier stage 1', async () => {
    const from = file('stage1')
    await pretrainStage1({ preset: 'emoji-quick', steps: 1, out: file('further'), resume: false, data, from })
    const queries = async (run: string) => {
      await using weights = await SafetensorsFile.open(file(`${run}/model/stage1.safetensors`))
      return weights.readFloat32('query_tokens')
    }
    const [before, after] = [await queries('stage1'), await queries('further')]
    // The first step of a schedule hardly moves anything; new weights differ by some hundredths.
    expect(Math.max(...after.map((value, i) => Math.abs(value - before[i]!)))).toBeLessThan(2e-3)
    await expect(stage1({ from, out: file('refused') })).rejects.toThrow(/--vision does not go with --from/)
  })

  it('go on where they stopped, and say so', async () => {
    const out = file('resumed')
    await expect(stage1({ out, ...stopAfter(1) })).rejects.toMatchObject({ name: 'AbortError' })
    const statuses: string[] = []
    await stage1({ out, resume: true, onStatus: (status: string) => statuses.push(status) })
    expect(statuses).toEqual(['opening the pictures ...', 'going on after step 1 ...'])
    expect(await readFile(join(out, 'model/stage1.safetensors'))).toEqual(
      await readFile(file('stage1/model/stage1.safetensors')),
    )
  })
})

describe('stage 2 without stage 1', () => {
  it('takes the encoder from a directory of its own', async () => {
    await stage2({ out: file('scratch'), stage1: 'none', vision: file('frozen'), steps: 1 })
    expect([...(await readModelDirectory(file('scratch/model'))).parts]).toEqual(['vision', 'stage2', 'language'])
    expect((await configOf('scratch')).inputs).not.toHaveProperty('stage1')
  })

  it('is the only one that does', async () => {
    await expect(stage2({ vision: file('frozen') })).rejects.toThrow(/--vision goes with --stage1 none only/)
  })
})

describe('a run is not resumed with', () => {
  it.each([
    ['another picture', async () => ({ data: await changedPictures() }), 'inputs.pictures'],
    ['another image encoder', async () => ({ vision: await otherModel('vision') }), 'inputs.vision'],
    ['another vocabulary', async () => ({ vision: await otherVocabulary() }), 'inputs.tokenizer'],
    ['another seed', async () => ({ seed: 5 }), 'seed'],
  ])('%s', async (_, change, path) => {
    const refused = stage1({ resume: true, ...(await change()) })
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow(`(${path} differ)`)
  })

  it('another language model in stage 2', async () => {
    const refused = stage2({ resume: true, languageModel: await otherModel('language') })
    await expect(refused).rejects.toThrow('(inputs.language differ)')
  })

  it('but with the same folder in another place', async () => {
    await stage1({ resume: true, data: await writeTinyCaptionFolder(file('moved')) })
  })
})

describe('what cannot be trained from', () => {
  it('is named, with what to do', async () => {
    const fresh = { out: file('fresh') }
    await expect(stage1({ ...fresh, vision: file('none') })).rejects.toThrow(ModelNotFoundError)
    await expect(stage1({ ...fresh, data: file('none') })).rejects.toThrow(DataError)
    await expect(stage2({ ...fresh, languageModel: file('stage1/model') })).rejects.toThrow(
      /holds no language weights; train a language model with/,
    )
    await expect(stage2({ ...fresh, stage1: file('frozen') })).rejects.toThrow(
      /holds no stage1 weights; run `blip2 pretrain stage1` first/,
    )
  })

  it('is a stage 1 that has not ended', async () => {
    const out = file('unfinished')
    await expect(stage1({ out, ...stopAfter(1) })).rejects.toMatchObject({ name: 'AbortError' })
    await expect(stage2({ stage1: out })).rejects.toThrow(/has not ended.*Continue it with --resume/)
  })

  it('is a model directory without its vocabularies', async () => {
    await writeTinyModel(file('mute'), ['vision'])
    await rm(file('mute/qformer-tokenizer.json'))
    await expect(stage1({ vision: file('mute') })).rejects.toThrow(/cannot read .*qformer-tokenizer\.json/)
  })
})

/** Ctrl-C after so many steps. */
function stopAfter(steps: number) {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    onProgress: ({ step }: { step: number }) => {
      if (step === steps) controller.abort()
    },
  }
}

const changedPictures = () =>
  writeTinyCaptionFolder(file('changed'), {
    octopus: '#c04081',
    'red car': '#e02020',
    'hot dog': '#c08030',
    'dog face': '#806040',
  })

/** The frozen models with one bit of a part changed. */
async function otherModel(part: 'vision' | 'language'): Promise<string> {
  const directory = file(`other-${part}`)
  await writeTinyModel(directory, ['vision', 'language'])
  const path = join(directory, `${part}.safetensors`)
  const bytes = await readFile(path)
  bytes[bytes.length - 2]! ^= 1
  await writeFile(path, bytes)
  return directory
}

async function otherVocabulary(): Promise<string> {
  const directory = file('other-vocabulary')
  await mkdir(directory, { recursive: true })
  await writeTinyModel(directory, ['vision'])
  const path = join(directory, 'qformer-tokenizer.json')
  await writeFile(
    path,
    JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), truncation: null, version: '2.0' }),
  )
  return directory
}
