import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportModel } from '../../src/export/exportModel.js'
import { synthesize } from '../../src/synth/synthesize.js'
import { SHIPPED_MODEL } from '../../src/weights/shippedModel.js'
import { runCommand } from '../cli/runCommand.js'
import { writeTinyModel } from '../tasks/tinyModel.js'

let parent: string
const path = (name: string) => join(parent, name)
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-export-'))
})
afterAll(() => rm(parent, { recursive: true }))

describe('exportModel', () => {
  it.each(['tiny-opt', 'tiny-t5'] as const)('%s: plain onnxruntime computes the same', async (preset) => {
    await synthesize(preset, path(preset))
    const { bytes, parity } = await exportModel(path(preset), path(`${preset}-onnx`), { cacheDir: path('cache') })
    for (const { largestDifference, largestValue } of Object.values(parity)) {
      expect(largestValue).toBeGreaterThan(0)
      expect(largestDifference).toBeLessThan(1e-5 * Math.max(1, largestValue))
    }
    expect((await readdir(path(`${preset}-onnx`))).sort()).toEqual([
      'config.json',
      'decode.onnx',
      'language_model.onnx.data',
      'prefill.onnx',
      'qformer.onnx',
      'qformer.onnx.data',
      'tokenizer.json',
      'vision.onnx',
      'vision.onnx.data',
    ])
    expect(bytes).toBeGreaterThan(0)
  })

  it('writes quantised weights as they are', async () => {
    const options = { dtype: { vision: 'q8', languageModel: 'q4' }, cacheDir: path('cache') } as const
    const small = await exportModel(SHIPPED_MODEL, path('emoji-q4'), options)
    const full = await exportModel(SHIPPED_MODEL, path('emoji'), { cacheDir: path('cache') })
    expect(small.bytes).toBeLessThan(0.6 * full.bytes)
    for (const { largestDifference, largestValue } of [...Object.values(small.parity), ...Object.values(full.parity)])
      expect(largestDifference).toBeLessThan(1e-5 * Math.max(1, largestValue))
  })
})

describe('blip2 export', () => {
  it('prints what was written and how it compares', async () => {
    const { code, out, err } = await runCommand(['export', SHIPPED_MODEL, path('cli')])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^.*cli: 0\.\d{3} GB\nvision\.onnx: off by \d\.\de[-+]\d+ at most/)
    expect(out.split('\n')).toHaveLength(6)
  })

  it('refuses a model that writes no text, in words', async () => {
    await writeTinyModel(path('retrieval'), ['vision', 'stage1'])
    const { code, err } = await runCommand(['export', path('retrieval'), path('none')])
    expect(code).toBe(2)
    expect(err).toMatch(/writes no text/)
  })
})
