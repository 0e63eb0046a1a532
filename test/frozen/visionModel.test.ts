import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openVisionModel } from '../../src/frozen/visionModel.js'
import { visionSpecs } from '../../src/train/partSpecs.js'
import { FrozenEncoder } from '../../src/train/pretrain/frozenEncoder.js'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { withTemporaryDirectory } from '../weights/temporary.js'
import { writeCheckpoint } from './checkpointFile.js'
import { expectedValues, frozenFixture, largestDifference } from './fixtures.js'

const file = withTemporaryDirectory()

/** A copy of a fixture with other values in its config.json. */
async function changed(name: 'clip' | 'vit', to: string, change: (json: Record<string, unknown>) => object) {
  await cp(frozenFixture(name), file(to), { recursive: true })
  const json = JSON.parse(await readFile(join(file(to), 'config.json'), 'utf8'))
  await writeFile(join(file(to), 'config.json'), JSON.stringify(change(json)))
  return file(to)
}

/** One whose weights have names. */
async function openWeights(model: string) {
  const { config, weights } = await openVisionModel(model)
  if ('onnx' in weights) throw new Error(`${model} is an ONNX file`)
  return { config, weights }
}

describe('an image encoder of transformers', () => {
  it.each(['clip', 'vit'] as const)('gives what it gives there, without its last layer: %s', async (name) => {
    const { config, weights } = await openWeights(frozenFixture(name))
    expect(config.vision).toMatchObject({ kind: name === 'vit' ? 'eva' : 'clip', layers: 2, imageSize: 16 })
    const open = () => weights.open(visionSpecs(config), { cacheDirectory: file('cache') })
    const encoder = await FrozenEncoder.create({ config: config.vision, ...config, open }, 2)
    const { images, features } = await expectedValues(name)
    const found = await encoder.encode(images!.data)
    expect(found.shape).toEqual(features!.shape)
    expect(largestDifference(found.data as Float32Array, features!.data)).toBeLessThan(1e-4)
    await encoder.dispose()
  })

  it('normalises pictures as its file says', async () => {
    expect((await openVisionModel(frozenFixture('clip'))).config).toMatchObject({
      mean: [0.48, 0.46, 0.41],
      std: [0.27, 0.26, 0.28],
    })
    await cp(frozenFixture('vit'), file('bare'), { recursive: true })
    await rm(join(file('bare'), 'preprocessor_config.json'))
    await expect(openVisionModel(file('bare'))).rejects.toThrow(/expected .*preprocessor_config\.json/)
  })

  it('of another kind is refused by name', async () => {
    const other = await changed('vit', 'other', (json) => ({ ...json, model_type: 'swin' }))
    await expect(openVisionModel(other)).rejects.toThrow(/not that of an image encoder.*model_type/)
    const gelu = await changed('clip', 'gelu', (json) => ({
      ...json,
      vision_config: { ...(json['vision_config'] as object), hidden_act: 'gelu' },
    }))
    await expect(openVisionModel(gelu)).rejects.toThrow(/vision_config\.hidden_act/)
  })

  it('is loaded strictly', async () => {
    const wider = await changed('vit', 'wider', (json) => ({ ...json, intermediate_size: 48 }))
    const { config, weights } = await openWeights(wider)
    await expect(weights.load(visionSpecs(config))).rejects.toThrow(/wrong shape.*mlp\.fc1\.weight/s)
  })
})

it('is read from clip_vit_L.pth of the authors, whose last layer and norm do not run', async () => {
  const sizes = { imageSize: 16, patchSize: 8, width: 64, layers: 1, heads: 1, feedForward: 96, layerNormEpsilon: 1e-5 }
  const vision = { kind: 'clip', ...sizes, standardizedFeatures: false, featurePlaces: 0 } as const
  const specs = visionSpecs({ vision })
  const own = [...specs.values()].map(({ name, shape }, i) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(i)
    return [name.replace('visual_encoder.', ''), { shape, data }] as const
  })
  const unused = own
    .filter(([name]) => name.includes('resblocks.0.'))
    .map(([name, weight]) => [name.replace('resblocks.0.', 'resblocks.1.'), weight] as const)
  const norm = ['ln_post.weight', { shape: [64], data: new Float32Array(64) }] as const
  await writeCheckpoint(file('clip_vit_L.pth'), new Map([...own, ...unused, norm]))
  const { config, weights } = await openWeights(file('clip_vit_L.pth'))
  expect(config.vision).toEqual(vision)
  expect([...(await weights.load(specs)).values()].map(([first]) => first)).toEqual(own.map((_, i) => i))
})

it('is taken out of a model directory, which is known as ours', async () => {
  const config = await writeTinyModel(file('tiny'))
  const opened = await openVisionModel(file('tiny'))
  expect(opened).toMatchObject({ config: { vision: config.vision }, directory: { config } })
  const published = await openVisionModel(join(frozenFixture('clip'), '../../hugging-face/opt'))
  expect(published).toMatchObject({ config: { vision: { kind: 'eva', width: 16 } }, directory: undefined })
  await writeTinyModel(file('mute'), ['language'])
  await expect(openVisionModel(file('mute'))).rejects.toThrow(/holds no vision weights/)
})
