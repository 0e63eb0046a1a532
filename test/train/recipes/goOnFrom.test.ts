import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { DataError } from '../../../src/errors.js'
import { train } from '../../../src/train/loop.js'
import { stage1Task } from '../../../src/train/pretrain/stage1Task.js'
import { checkpointBefore, restoreFrom } from '../../../src/train/recipes/goOnFrom.js'
import { stage1Config, tinyEncoder, tinyPictures, wordPiece } from '../pretrain/tiny.js'

const open = (steps: number) =>
  stage1Task(stage1Config(steps), { encoder: tinyEncoder(), pictures: tinyPictures, tokenizer: wordPiece })

it('takes the weights that an earlier training ended with', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'blip2-from-'))
  try {
    await using first = await open(3)
    await train(first, { directory })
    await using second = await open(2)
    const { from } = await restoreFrom(await checkpointBefore(directory), second)
    expect(from).toMatch(/^[0-9a-f]{64}$/)
    const values = (task: typeof first) => task.program.memory.parameters.map(({ name, value }) => [name, [...value]])
    expect(values(second)).toEqual(values(first))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

it('begins anew where nothing is named, and refuses a directory without a checkpoint', async () => {
  await using task = await open(2)
  expect(await restoreFrom(await checkpointBefore(undefined), task)).toEqual({})
  await expect(checkpointBefore(tmpdir())).rejects.toThrow(DataError)
})
