import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConfigError } from '../../../src/errors.js'
import { train } from '../../../src/train/loop.js'
import { readModelDirectory } from '../../../src/weights/modelDirectory.js'
import { writeTinyModel } from '../../tasks/tinyModel.js'
import { writeTinyCaptionFolder } from '../recipes/tinyCaptionFolder.js'
import { compilePrograms, type Family, launch, type Programs } from './launch.js'
import { openShared } from './sharedTraining.js'

let programs: Programs
let directory: string
const file = (name: string) => join(directory, name)
beforeAll(async () => {
  programs = await compilePrograms()
  directory = await mkdtemp(join(tmpdir(), 'blip2-command-'))
  await writeTinyModel(file('frozen'), ['vision', 'language'])
  await writeTinyCaptionFolder(file('pictures'))
})
afterAll(async () => {
  programs?.remove()
  await rm(directory, { recursive: true, force: true })
})

const blip2 = (family: Family, ...args: readonly string[]) => launch(family, programs.path('cli'), args)
const pretrain = (family: Family, stage: 'stage1' | 'stage2', ...args: readonly string[]) =>
  blip2(family, 'pretrain', stage, '--preset', 'emoji-quick', '--steps', '3', '--data', file('pictures'), ...args)

describe('blip2 pretrain on two ranks', () => {
  it('writes one model through both stages, and reports once', async () => {
    const first = await pretrain('Open MPI', 'stage1', '--vision', file('frozen'), '--out', file('one'))
    expect(first.code, first.output).toBe(0)
    expect(first.output.match(/step 3\/3/g)).toHaveLength(1)
    const second = await pretrain(
      'MPICH',
      'stage2',
      '--stage1',
      file('one'),
      '--language-model',
      file('frozen'),
      '--out',
      file('two'),
    )
    expect(second.code, second.output).toBe(0)
    expect([...(await readModelDirectory(file('two/model'))).parts]).toEqual(['vision', 'stage1', 'stage2', 'language'])
    const lines = (await readFile(file('two/metrics.jsonl'), 'utf8')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).step)).toEqual([1, 2, 3])
  })

  it('ends with its exit code and one clear line where the run cannot begin', async () => {
    const { code, output } = await pretrain('MPICH', 'stage1', '--vision', file('absent'), '--out', file('none'))
    expect(code).not.toBe(0)
    expect(output).toMatch(/^blip2: .*absent/m)
  })
})

describe('a training that several processes cannot share', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it('is refused when several are launched', async () => {
    await using task = await openShared('stage2', 2)
    vi.stubEnv('PMI_SIZE', '2')
    await expect(train(task, { directory: file('alone') })).rejects.toThrow(ConfigError)
  })
})
