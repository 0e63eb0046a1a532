import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { writeTinyCaptionFolder } from '../train/recipes/tinyCaptionFolder.js'
import { runCommand } from './runCommand.js'

let parent: string
const file = (name: string) => join(parent, name)
const stage1 = (out: string, ...more: string[]) => [
  ...['pretrain', 'stage1', '--preset', 'emoji-quick', '--vision', file('frozen'), '--data', file('pictures')],
  ...['--out', file(out), ...more],
]

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-train-'))
  await writeTinyModel(file('frozen'), ['vision', 'language'])
  await writeTinyCaptionFolder(file('pictures'))
})
afterAll(() => rm(parent, { recursive: true, force: true }))

describe('help', () => {
  it.each([
    [
      ['train', 'vision'],
      ['--out <dir>', '--resume', '--steps <n>', '--seed <n>', '--checkpoint-every <n>', '--cache'],
    ],
    [
      ['train', 'language'],
      ['--out <dir>', '--resume', '--steps <n>', '--seed <n>', '--checkpoint-every <n>'],
    ],
    [
      ['pretrain', 'stage1'],
      ['--preset <name>', '"emoji", "emoji-quick"', '--data <spec>', '--vision <model>', '--bert <model>'],
    ],
    [
      ['pretrain', 'stage2'],
      ['--stage1 <dir>', '--language-model <model>', '--vision <model>', '--resume'],
    ],
  ])('of %o names its flags', async (command, flags) => {
    const { code, out, err } = await runCommand([...command, '--help'])
    expect([code, err]).toEqual([0, ''])
    for (const flag of flags) expect(out).toContain(flag)
  })
})

describe('wrong use', () => {
  it.each([
    [['train', 'vision'], /'--out <dir>' not specified/],
    [['train', 'language', '--out', 'x', '--steps', '0'], /--steps.*at least 1/],
    [['train', 'vision', '--out', 'x', '--seed', '-1'], /--seed.*at least 0/],
    [['train', 'vision', '--out', 'x', '--seed', ''], /--seed.*at least 0/],
    [['train', 'vision', '--out', 'x', '--checkpoint-every', 'x'], /--checkpoint-every.*at least 1/],
    [['pretrain', 'stage1', '--out', 'x', '--preset', 'huge'], /--preset.*emoji, emoji-quick/],
    [['pretrain', 'stage2', '--out', 'x'], /'--stage1 <dir>' not specified/],
    [['pretrain', 'stage2', '--out', 'x', '--stage1', 'y', '--vision', 'z'], /--stage1 none only/],
    [['pretrain', 'stage3', '--out', 'x'], /unknown command 'stage3'/],
  ])('ends with 2 and one line: %o', async (args, message) => {
    const { code, out, err } = await runCommand(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(message)
    expect(err.trimEnd()).not.toContain('\n')
  })
})

describe('a training', () => {
  it('says what it does and ends with a model', async () => {
    const { code, out, err } = await runCommand(stage1('run', '--steps', '2', '--seed', '9', '--checkpoint-every', '1'))
    expect([code, out]).toEqual([0, ''])
    expect(err).toMatch(
      /^opening the pictures \.\.\.\ntraining \.\.\.\nstep 2\/2 {2}0 s left {2}loss \d.*samples\/s\n$/,
    )
    expect(JSON.parse(await readFile(file('run/config.json'), 'utf8'))).toMatchObject({ steps: 2, seed: 9 })
    for (const made of ['checkpoint-1', 'checkpoint-2', 'model/stage1.safetensors']) await stat(file(`run/${made}`))
  })

  it('ends with 2 where the directory holds a run, of these settings or others', async () => {
    const same = await runCommand(stage1('run', '--steps', '2', '--seed', '9'))
    expect(same).toMatchObject({ code: 2, err: expect.stringMatching(/holds a checkpoint of step 2 of 2.*--resume/) })
    const other = await runCommand(stage1('run', '--steps', '2', '--seed', '8', '--resume'))
    expect(other).toMatchObject({ code: 2, err: expect.stringContaining('(seed differ)') })
  })

  it('stopped by the user ends with 130, a whole line, and what to do', async () => {
    const controller = new AbortController()
    let err = ''
    const { runCli } = await import('../../src/cli/run.js')
    const code = await runCli(stage1('stopped', '--steps', '40'), {
      out: () => {},
      err: (text) => {
        err += text
        if (text.includes('step 1/40')) controller.abort()
      },
      interactive: true,
      outIsTerminal: true,
      signal: controller.signal,
    })
    expect(code).toBe(130)
    const lines = err.split('\n')
    expect(lines.at(-3)).toContain('step 1/40')
    expect(lines.slice(-2)).toEqual(['stopped; the same command with --resume goes on from the last checkpoint', ''])
    expect(await readFile(file('stopped/latest'), 'utf8')).toBe('checkpoint-1\n')
  })

  it('that cannot begin ends with 1 and one line', async () => {
    const args = ['pretrain', 'stage1', '--vision', file('none'), '--out', file('never')]
    const { code, err } = await runCommand(args)
    expect(code).toBe(1)
    expect(err).toMatch(/^blip2: no model in .*\n$/)
  })
})
