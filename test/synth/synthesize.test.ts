import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { hubTensors } from '../../src/synth/hubTensors.js'
import { madeUpOptTokenizer, madeUpT5Tokenizer, optNewlineId } from '../../src/synth/madeUpTokenizer.js'
import { fillNormalHalves } from '../../src/synth/normalHalves.js'
import { SYNTH_PRESETS } from '../../src/synth/presets.js'
import { synthesize } from '../../src/synth/synthesize.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { huggingFaceBlip2 } from '../../src/weights/names/blip2.js'
import { planWeights } from '../../src/weights/names/plan.js'
import { SAFETENSORS_FILES } from '../../src/weights/openTensors.js'
import { WeightFiles } from '../../src/weights/weightFiles.js'
import { widenHalf } from '../../src/weights/safetensors/half.js'
import { runCommand } from '../cli/runCommand.js'
import { captioningShapes, hubShapes } from '../weights/names/shapes.js'

let parent: string
const path = (name: string) => join(parent, name)
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-synth-'))
})
afterAll(() => rm(parent, { recursive: true }))

describe('hubTensors', () => {
  it.each(['blip2-opt-2.7b', 'blip2-opt-6.7b', 'blip2-flan-t5-xl', 'blip2-flan-t5-xxl'] as const)(
    '%s has the names and shapes of the released model, tied tensors once',
    (preset) => {
      const tied = preset.includes('opt') ? ['lm_head'] : ['encoder.embed_tokens', 'decoder.embed_tokens']
      const released = hubShapes(preset)
      for (const name of tied) expect(released.delete(`language_model.${name}.weight`)).toBe(true)
      const ours = new Map([...hubTensors(SYNTH_PRESETS[preset])].map(([name, { shape }]) => [name, shape]))
      expect(ours).toEqual(released)
    },
  )
})

describe('fillNormalHalves', () => {
  it('has the mean and deviation asked for, and depends on seed and name', () => {
    const bits = new Uint16Array(200_001)
    fillNormalHalves(bits, 0.02, 7, 'a')
    const values = new Float32Array(bits.length)
    widenHalf('F16', bits, values)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
    expect(Math.abs(mean)).toBeLessThan(2e-4)
    expect(deviation).toBeCloseTo(0.02, 3)
    const again = new Uint16Array(bits.length)
    fillNormalHalves(again, 0.02, 7, 'a')
    expect(again).toEqual(bits)
    fillNormalHalves(again, 0.02, 7, 'b')
    expect(again).not.toEqual(bits)
    fillNormalHalves(again, 0.02, 8, 'a')
    expect(again).not.toEqual(bits)
  })
})

describe('made-up tokenizers', () => {
  it('OPT: the line break has its place, every text comes back', () => {
    const full = Tokenizer.fromJson(madeUpOptTokenizer(50_272))
    expect(full.idOf('Ċ')).toBe(50_118)
    expect(full.size).toBe(50_265)
    const small = Tokenizer.fromJson(madeUpOptTokenizer(320))
    expect(small.idOf('Ċ')).toBe(optNewlineId(320))
    expect(small.decode(small.encode('A cat, é!'))).toBe('A cat, é!')
  })

  it('T5: ends in </s>, printable texts come back', () => {
    const tokenizer = Tokenizer.fromJson(madeUpT5Tokenizer(160))
    const ids = tokenizer.encode('a red car')
    expect(ids.at(-1)).toBe(1)
    expect(tokenizer.decode(ids)).toBe('a red car')
    expect(tokenizer.size).toBe(160)
  })
})

describe('synthesize', () => {
  it.each(['tiny-opt', 'tiny-t5'] as const)('%s is whole, sharded, and reads as the model it is', async (preset) => {
    const directory = path(preset)
    const seen: number[] = []
    const { parameters, bytes, files } = await synthesize(preset, directory, {
      shardBytes: 100_000,
      onProgress: (done) => seen.push(done),
    })
    expect(files.length).toBeGreaterThan(1)
    expect(seen.at(-1)).toBe(bytes)
    await using table = await WeightFiles.open(directory, SAFETENSORS_FILES)
    const plan = planWeights(table, huggingFaceBlip2, captioningShapes(SYNTH_PRESETS[preset]))
    expect(plan.ignored.size).toBe(0)
    const count = [...table.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength / 2, 0)
    expect(count).toBe(parameters)
    expect(new Set([...table.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['F16']))
    const { text_config: text } = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'))
    expect(text.vocab_size).toBe(SYNTH_PRESETS[preset].language.vocabularySize)
  })

  it('gives the same bytes for the same seed only', async () => {
    await synthesize('tiny-opt', path('one'), { seed: 1 })
    await synthesize('tiny-opt', path('same'), { seed: 1 })
    await synthesize('tiny-opt', path('other'), { seed: 2 })
    const weights = (name: string) => readFile(path(`${name}/model.safetensors`))
    expect((await weights('one')).equals(await weights('same'))).toBe(true)
    expect((await weights('one')).equals(await weights('other'))).toBe(false)
  })

  it('refuses a directory that holds something, and leaves nothing when it is stopped', async () => {
    await writeFile(path('file-in-the-way'), '')
    await expect(synthesize('tiny-opt', parent)).rejects.toThrow(ConfigError)
    const stopped = synthesize('tiny-opt', path('stopped'), { signal: AbortSignal.abort() })
    await expect(stopped).rejects.toThrow(/abort/)
    expect((await readdir(parent)).filter((name) => name.startsWith('stopped'))).toEqual([])
  })
})

describe('blip2 synth', () => {
  it('writes a model and says how large it is', async () => {
    const { code, out, err } = await runCommand(['synth', 'tiny-t5', path('cli'), '--json'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(out)).toMatchObject({ preset: 'tiny-t5', files: ['model.safetensors'] })
    expect(await readdir(path('cli'))).toContain('config.json')
  })

  it('ends as wrong use for an unknown preset and an occupied directory', async () => {
    const unknown = await runCommand(['synth', 'huge', path('x')])
    expect(unknown).toMatchObject({ code: 2, out: '' })
    expect(unknown.err).toMatch(/Allowed choices are tiny-opt/)
    expect(await runCommand(['synth', 'tiny-opt', parent])).toMatchObject({ code: 2 })
  })
})
