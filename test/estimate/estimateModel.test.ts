import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ModelNotFoundError } from '../../src/errors.js'
import { estimateModel } from '../../src/estimate/estimateModel.js'
import { synthesize } from '../../src/synth/synthesize.js'
import { SHIPPED_MODEL } from '../../src/weights/shippedModel.js'
import { runCommand } from '../cli/runCommand.js'

let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-estimate-'))
})
afterAll(() => rm(parent, { recursive: true }))

describe('estimateModel', () => {
  it('knows the sizes of the paper’s models', async () => {
    const { parameters, download, disk, inference } = await estimateModel('blip2-opt-2.7b')
    expect(parameters.total).toBeGreaterThan(3.7e9)
    expect(parameters.total).toBeLessThan(3.8e9)
    expect(download).toBe(2 * parameters.total)
    expect(disk).toBe(6 * parameters.total)
    expect(inference!.peak).toBeGreaterThan(4 * parameters.total)
    expect(inference!.peak).toBeLessThan(1.15 * 4 * parameters.total)
    const small = await estimateModel('blip2-opt-2.7b', { dtype: { vision: 'q8', languageModel: 'q4' } })
    // 4.79 GB were measured with the language model opened beside the encoder (docs/log.md); it is opened first now.
    expect(small.inference!.peak).toBeLessThan(4.5e9)
    expect(small.inference!.peak).toBeGreaterThan(3.5e9)
  })

  it('reads a directory’s own sizes, of ours and of Hugging Face’s', async () => {
    const written = await synthesize('tiny-t5', join(parent, 'tiny'))
    const tiny = await estimateModel(join(parent, 'tiny'))
    // Hugging Face's files have a bias of the keys, which changes nothing and is left out.
    expect(tiny.parameters.total).toBe(written.parameters - 2 * 64)
    expect(tiny.download).toBe(written.bytes)
    const emoji = await estimateModel(SHIPPED_MODEL)
    // float16, and the text side of the Q-Former besides.
    expect(emoji.download).toBeGreaterThan(2 * emoji.parameters.total)
    expect(emoji.disk).toBe(emoji.download)
  })

  it('counts a training step: it grows with the batch, and less is held where layers are computed again', async () => {
    const of = async (batch: number, recompute = false) =>
      (await estimateModel(SHIPPED_MODEL, { train: { stage: 'stage1', batch, recompute } })).training!
    const [small, large, less] = [await of(8), await of(16), await of(16, true)]
    expect(large.step / small.step).toBeGreaterThan(1.8)
    expect(less.step).toBeLessThan(0.8 * large.step)
    expect(large.optimizer).toBe(16 * large.trainedParameters)
    const second = await estimateModel(SHIPPED_MODEL, { train: { stage: 'stage2', batch: 8 } })
    expect(second.training!.trainedParameters).toBeLessThan(small.trainedParameters)
  })
})

describe('blip2 estimate', () => {
  it('prints a table, and JSON', async () => {
    const { code, out, err } = await runCommand(['estimate', 'blip2-flan-t5-xl', '--language-model', 'q4'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^parameters +3,94\d\.\d M\n {2}vision encoder +98\d\.\d M\n/)
    expect(out).toMatch(/memory, captioning a picture +\d\.\d{3} GB/)
    const train = ['--train', 'stage1', '--batch', '4', '--json']
    const json = await runCommand(['estimate', SHIPPED_MODEL, ...train])
    expect(JSON.parse(json.out).training.peak).toBeGreaterThan(0)
  })

  it('fails for what is no model', async () => {
    await expect(estimateModel(join(parent, 'nothing'))).rejects.toThrow(ModelNotFoundError)
    expect(await runCommand(['estimate', join(parent, 'nothing')])).toMatchObject({ code: 1 })
    expect(await runCommand(['estimate', SHIPPED_MODEL, '--train', 'stage3'])).toMatchObject({ code: 2 })
  })
})
