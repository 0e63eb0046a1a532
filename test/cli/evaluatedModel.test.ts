import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { evaluatedModel } from '../../src/cli/evaluatedModel.js'
import type { ModelFlags } from '../../src/cli/model.js'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-evaluated-'))
  for (const name of ['config.json', 'qformer.safetensors', 'frozen.pth']) await writeFile(join(directory, name), name)
})
afterAll(() => rm(directory, { recursive: true }))

const identity = (flags: Partial<ModelFlags> = {}) =>
  evaluatedModel({ model: directory, device: 'cpu', dtype: 'float32', ...flags }, new AbortController().signal)

it('is another for other weights, bits and frozen models', async () => {
  const first = await identity()
  expect(await identity()).toEqual(first)
  expect(first['weights']).toHaveLength(2)
  expect(await identity({ dtype: 'q8' })).not.toEqual(first)
  for (const part of ['visionModel', 'languageModel', 'bert'] as const)
    expect(await identity({ [part]: join(directory, 'frozen.pth') })).not.toEqual(first)
  await utimes(join(directory, 'qformer.safetensors'), 0, 0)
  expect(await identity()).not.toEqual(first)
})
