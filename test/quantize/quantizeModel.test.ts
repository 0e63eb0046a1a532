import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, WeightsError } from '../../src/errors.js'
import { quantizeModel } from '../../src/quantize/quantizeModel.js'
import { weightBits } from '../../src/quantize/weightBits.js'
import { SYNTH_PRESETS } from '../../src/synth/presets.js'
import { synthesize } from '../../src/synth/synthesize.js'
import { Blip2 } from '../../src/tasks/blip2.js'
import { SHIPPED_MODEL } from '../../src/weights/shippedModel.js'
import { runCommand } from '../cli/runCommand.js'

const PICTURE = new URL('../../assets/demo/noto-v1-octopus.png', import.meta.url)

let parent: string
const path = (name: string) => join(parent, name)
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-quantize-'))
  await Promise.all((['tiny-opt', 'tiny-t5'] as const).map((preset) => synthesize(preset, path(preset))))
})
afterAll(() => rm(parent, { recursive: true }))

describe('weightBits', () => {
  const bits = weightBits(SYNTH_PRESETS['blip2-opt-2.7b'], { vision: 'q8', languageModel: 'q4' })

  it('gives the matrices of the frozen components their bits, and all else float32', () => {
    expect(bits('visual_encoder.blocks.3.attn.qkv.weight')).toBe(8)
    expect(bits('visual_encoder.blocks.3.norm1.weight')).toBe(32)
    expect(bits('visual_encoder.patch_embed.proj.weight')).toBe(32)
    expect(bits('visual_encoder.pos_embed')).toBe(32)
    expect(bits('opt_model.model.decoder.layers.31.fc1.weight')).toBe(4)
    expect(bits('opt_model.model.decoder.layers.31.fc1.bias')).toBe(32)
    expect(bits('opt_model.model.decoder.embed_positions.weight')).toBe(32)
    expect(bits('Qformer.bert.encoder.layer.0.attention.self.query.weight')).toBe(32)
    expect(bits('opt_proj.weight')).toBe(32)
  })

  it('gives a head that is the embedding too 8, and one of its own those of the language model', () => {
    expect(bits('opt_model.model.decoder.embed_tokens.weight')).toBe(8)
    const t5 = weightBits(SYNTH_PRESETS['blip2-flan-t5-xl'], { languageModel: 'q4' })
    expect(t5('t5_model.lm_head.weight')).toBe(4)
    expect(t5('t5_model.shared.weight')).toBe(32)
    expect(t5('visual_encoder.blocks.3.attn.qkv.weight')).toBe(32)
  })
})

describe('quantizeModel', () => {
  it.each(['tiny-opt', 'tiny-t5'] as const)('%s: opens, captions, and is close to the original', async (preset) => {
    const report = await quantizeModel(path(preset), path(`${preset}-q`), {
      dtype: { vision: 'q8', languageModel: 'q8' },
      cacheDir: path('cache'),
    })
    expect(report.bytes.written).toBeLessThan(0.6 * report.bytes.float32)
    expect(report.weights.vision!.largestError).toBeLessThan(0.01)
    expect(report.weights.stage2).toBeUndefined()
    expect(report.errors!.vision.features).toBeLessThan(0.03)
    expect(report.errors!.together!.logits).toBeLessThan(0.1)
    expect(report.errors!.languageModel!.nextTokenAgreement).toBeGreaterThan(0.8)
    await using model = await Blip2.fromPretrained(path(`${preset}-q`))
    const { text } = await model.caption(PICTURE, { maxNewTokens: 4 })
    expect(typeof text).toBe('string')
  })

  it('keeps what the shipped model says and how it ranks', async () => {
    const { errors } = await quantizeModel(SHIPPED_MODEL, path('emoji-q'), {
      dtype: { vision: 'q8', languageModel: 'q8' },
      cacheDir: path('cache'),
    })
    expect(errors!.vision.features).toBeLessThan(0.05)
    expect(errors!.together!.nextTokenAgreement).toBeGreaterThan(0.8)
    await using model = await Blip2.fromPretrained(SHIPPED_MODEL)
    await using quantized = await Blip2.fromPretrained(path('emoji-q'))
    const texts = ['octopus', 'fire engine']
    const [exact, coarse] = [await model.match(PICTURE, texts), await quantized.match(PICTURE, texts)]
    for (const [i, { itc }] of exact.entries()) expect(coarse[i]!.itc).toBeCloseTo(itc, 1)
    expect(await quantized.caption(PICTURE)).toMatchObject({ text: (await model.caption(PICTURE)).text })
  })

  it('gives what fromPretrained gives with the same dtype, which is converted once', async () => {
    const dtype = { vision: 'q8', languageModel: 'q4' } as const
    await quantizeModel(path('tiny-opt'), path('q4'), { dtype, compare: false })
    await using fromDirectory = await Blip2.fromPretrained(path('q4'))
    const conversions: number[] = []
    const open = () =>
      Blip2.fromPretrained(path('tiny-opt'), {
        dtype,
        cacheDir: path('converted'),
        onConversion: ({ done }) => conversions.push(done),
      })
    await using converted = await open()
    expect(conversions.length).toBeGreaterThan(0)
    const first = conversions.length
    await using again = await open()
    expect(conversions.length).toBe(first)
    expect(await readdir(path('converted/quantized'))).toHaveLength(2)
    const caption = (model: Blip2) => model.caption(PICTURE, { maxNewTokens: 6 })
    const expected = await caption(fromDirectory)
    expect(await caption(converted)).toEqual(expected)
    expect(await caption(again)).toEqual(expected)
  })

  it('refuses to do nothing, and to quantise twice', async () => {
    await expect(quantizeModel(path('tiny-opt'), path('same'), { dtype: {} })).rejects.toThrow(ConfigError)
    const twice = quantizeModel(path('q4'), path('twice'), { dtype: { vision: 'q8' }, compare: false })
    await expect(twice).rejects.toThrow(WeightsError)
    await expect(stat(path('twice'))).rejects.toThrow(/ENOENT/)
  })
})

describe('blip2 quantize', () => {
  it('reports by component, as text and as JSON', async () => {
    const cache = ['--cache', path('cache')]
    const { code, out, err } = await runCommand(['quantize', path('tiny-t5'), path('cli'), ...cache])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/vision: 8 matrices, \d of them asymmetric; largest relative error 0\.\d+ %/)
    expect(out).toMatch(/language model quantised: logits off by [\d.]+ %, [\d.]+ % of next tokens the same/)
    const json = await runCommand(['quantize', path('tiny-opt'), path('cli-json'), '--no-compare', '--json'])
    expect(JSON.parse(json.out)).toMatchObject({ dtype: { vision: 'q8', languageModel: 'q4' } })
    expect(JSON.parse(json.out).errors).toBeUndefined()
  })

  it('ends as wrong use for a dtype that there is not, and fails for a model that there is not', async () => {
    expect(await runCommand(['quantize', 'a', 'b', '--vision', 'q4'])).toMatchObject({ code: 2 })
    expect(await runCommand(['quantize', path('nothing'), path('b')])).toMatchObject({ code: 1 })
  })
})
