import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writePictureFolder } from '../capfilt/pictureFolder.js'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { runCommand } from './runCommand.js'

let parent: string
const file = (name: string) => join(parent, name)
const command = (out: string, ...more: string[]) => [
  ...['capfilt', '--captioner', file('model'), '--ranker', file('model'), '--data', file('pictures')],
  ...['--out', file(out), ...more],
]
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-capfilt-'))
  await writeTinyModel(file('model'))
  await writePictureFolder(file('pictures'), 9, [2])
})
afterAll(() => rm(parent, { recursive: true, force: true }))

it('writes shards, and a report that shows what became of the captions', async () => {
  const { code, out, err } = await runCommand(command('out', '--candidates', '3', '--batch', '4', '--json'))
  expect(code).toBe(0)
  // Nobody watches: the loss is told, progress is not.
  expect(err).toMatch(/^skipped pictures: .*\n$/)
  const result = JSON.parse(out)
  expect(result).toMatchObject({ samples: 9, pictures: 8, shards: 1, report: join(file('out'), 'report.html') })
  expect(result.kept.web + result.kept.model).toBe(16)
  const report = await readFile(result.report, 'utf8')
  expect(report).toContain('8 of 9 pictures')
  expect(report.match(/<img alt="" src="data:image\/jpeg;base64/g)).toHaveLength(8)
  expect(report.match(/<polyline/g)).toHaveLength(3)
  expect(report).toContain('number 0 (data set)')
})

it('goes on with --resume only', async () => {
  const again = await runCommand(command('out', '--candidates', '3', '--batch', '4'))
  expect([again.code, again.err]).toEqual([2, expect.stringContaining('--resume')])
  const resumed = await runCommand(command('out', '--candidates', '3', '--batch', '4', '--resume'), {
    interactive: true,
  })
  expect(resumed.err).toMatch(/^opening the data/)
  expect([resumed.code, resumed.out]).toEqual([0, expect.stringContaining('8 of 9 in 1 shard\n')])
})

describe('wrong use', () => {
  it.each([
    [() => ['capfilt'], 2, /--captioner <model>' not specified/],
    [() => command('x', '--keep', '0'), 2, /--keep.*at least 1/],
    [() => command('x', '--top-p', '2'), 2, /topP/],
    [() => command('x', '--data', 'nowhere'), 2, /nowhere names no data/],
    [() => command('x', '--captioner', 'nowhere'), 1, /no model in nowhere/],
  ])('ends with one line: %#', async (args, expected, message) => {
    const { code, err } = await runCommand(args())
    expect([code, err.trimEnd().split('\n').at(-1)]).toEqual([expected, expect.stringMatching(message)])
  })
})
