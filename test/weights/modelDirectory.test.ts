import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError, ModelNotFoundError, WeightsError } from '../../src/errors.js'
import { partSpecs } from '../../src/train/partSpecs.js'
import { type ModelConfig, readModelDirectory, writeModelDirectory } from '../../src/weights/modelDirectory.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { writeTinyModel } from '../tasks/tinyModel.js'

let parent: string
let path: string
let config: ModelConfig
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-model-'))
  path = join(parent, 'tiny')
})
beforeEach(async () => {
  config = await writeTinyModel(path)
})
afterAll(() => rm(parent, { recursive: true }))

describe('writing', () => {
  it('gives a directory that reads back, with half-precision weights and nothing left beside it', async () => {
    const model = await readModelDirectory(path)
    expect(model.config).toEqual(config)
    expect([...model.parts]).toEqual(['vision', 'stage1', 'stage2', 'language'])
    expect(await readdir(parent)).toEqual(['tiny'])
    expect((await readdir(path)).sort()).toEqual([
      'README.md',
      'config.json',
      'language-tokenizer.json',
      'language.safetensors',
      'qformer-tokenizer.json',
      'stage1.safetensors',
      'stage2.safetensors',
      'vision.safetensors',
    ])
    await using file = await SafetensorsFile.open(join(path, 'stage2.safetensors'))
    expect(new Set([...file.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['F16']))
  })

  it('holds each stage under the names of the authors', async () => {
    const names = async (part: string) => {
      await using file = await SafetensorsFile.open(join(path, `${part}.safetensors`))
      return [...new Set([...file.tensors.keys()].map((name) => name.split('.')[0]))].sort()
    }
    expect(await names('vision')).toEqual(['visual_encoder'])
    expect(await names('stage1')).toEqual([
      'Qformer',
      'itm_head',
      'ln_vision',
      'query_tokens',
      'temp',
      'text_proj',
      'vision_proj',
    ])
    expect(await names('stage2')).toEqual(['Qformer', 'ln_vision', 'opt_proj', 'query_tokens'])
    expect(await names('language')).toEqual(['opt_model'])
  })

  it('leaves the old directory where the new one fails', async () => {
    const data = Float32Array.of(1, Number.NaN)
    const broken = writeModelDirectory(path, {
      config,
      parts: { vision: new Map([['a', { shape: [2], data }]]) },
      tokenizers: { qformer: {}, language: {} },
      card: '',
    })
    await expect(broken).rejects.toThrow(/vision: weight a holds NaN/)
    expect((await readModelDirectory(path)).parts.size).toBe(4)
    expect(await readdir(parent)).toEqual(['tiny'])
  })
})

describe('reading', () => {
  const readConfig = async () => JSON.parse(await readFile(join(path, 'config.json'), 'utf8'))
  const change = async (edit: (json: ModelConfig & Record<string, unknown>) => void) => {
    const json = await readConfig()
    edit(json)
    await writeFile(join(path, 'config.json'), JSON.stringify(json))
  }

  it('says what to do where there is no model', async () => {
    await expect(readModelDirectory(join(parent, 'none'))).rejects.toBeInstanceOf(ModelNotFoundError)
    await expect(readModelDirectory(join(parent, 'none'))).rejects.toThrow(
      /no model in .*none.*ENOENT.*Give the directory/,
    )
  })

  it.each<[string, (json: ModelConfig & Record<string, unknown>) => void, RegExp]>([
    ['a missing field', (json) => void delete (json.vision as Partial<ModelConfig['vision']>).width, /vision\.width/],
    ['a wrong number', (json) => void Object.assign(json.qformer, { queries: -1 }), /qformer\.queries/],
    ['an unknown field', (json) => void Object.assign(json, { colour: 'red' }), /colour/],
    ['widths that differ', (json) => void Object.assign(json.qformer, { encoderWidth: 8 }), /encoderWidth: must equal/],
    ['another version', (json) => void Object.assign(json, { version: 2 }), /version/],
  ])('names %s in config.json', async (_, edit, message) => {
    await change(edit)
    await expect(readModelDirectory(path)).rejects.toThrow(message)
    await expect(readModelDirectory(path)).rejects.toBeInstanceOf(ConfigError)
  })

  it('says that config.json is no JSON', async () => {
    await writeFile(join(path, 'config.json'), '{')
    await expect(readModelDirectory(path)).rejects.toThrow(/is not JSON/)
  })

  it('loads a part strictly', async () => {
    const model = await readModelDirectory(path)
    const specs = partSpecs(config)
    expect((await model.load('stage1', specs.stage1)).size).toBe(specs.stage1.size)
    await expect(model.load('stage2', specs.stage1)).rejects.toThrow(/missing .*itm_head/)
    await expect(model.load('stage1', specs.stage2)).rejects.toBeInstanceOf(WeightsError)
  })

  it('knows the parts that are there', async () => {
    await rm(join(path, 'stage2.safetensors'))
    expect([...(await readModelDirectory(path)).parts]).toEqual(['vision', 'stage1', 'language'])
  })
})
