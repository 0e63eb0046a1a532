import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { writePictureFolder } from './pictureFolder.js'

const COMMAND = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js')

let parent: string
const file = (name: string) => join(parent, name)
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-capfilt-kill-'))
  await writeTinyModel(file('model'))
  await writePictureFolder(file('pictures'), 200)
})
afterAll(() => rm(parent, { recursive: true, force: true }))

const start = (out: string) =>
  spawn(
    'node',
    [
      ...[COMMAND, 'capfilt', '--captioner', file('model'), '--ranker', file('model'), '--data', file('pictures')],
      ...['--out', file(out), '--candidates', '3', '--batch', '4', '--shard-size', '20', '--resume'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
const ended = (child: ReturnType<typeof start>) => new Promise((resolve) => child.once('exit', resolve))
const shards = async (out: string) => (await readdir(file(out)).catch(() => [])).filter((name) => /^\d+/.test(name))

it('a run that is killed again and again writes what an undisturbed one does', async () => {
  expect(await ended(start('whole'))).toBe(0)
  for (let kills = 0; kills < 3; kills++) {
    const before = (await shards('killed')).length
    const child = start('killed')
    while ((await shards('killed')).length <= before + 2) await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGKILL')
    await ended(child)
  }
  expect(await ended(start('killed'))).toBe(0)
  expect((await shards('killed')).sort()).toEqual((await shards('whole')).sort())
  for (const name of await shards('whole'))
    expect((await readFile(join(file('killed'), name))).equals(await readFile(join(file('whole'), name))), name).toBe(
      true,
    )
})
