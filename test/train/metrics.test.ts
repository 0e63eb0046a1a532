import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { METRICS_FILE, MetricsLog } from '../../src/train/metrics.js'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-metrics-'))
  path = join(directory, METRICS_FILE)
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it('begins a file and holds a line a step', async () => {
  const log = await MetricsLog.open(path, 0)
  await log.append({ step: 1, loss: 0.5 })
  await log.append({ step: 2, loss: 0.25 })
  expect(await readFile(path, 'utf8')).toBe('{"step":1,"loss":0.5}\n{"step":2,"loss":0.25}\n')
})

it('goes on after the steps that are done: later ones, and what is no line of a step, are forgotten', async () => {
  await writeFile(path, '{"step":1}\n\nnull\n{"loss":1}\n{"step":2}\n{"step":3}\n{"step":4,"lo')
  const log = await MetricsLog.open(path, 2)
  await log.append({ step: 3, loss: 1 })
  expect(await readFile(path, 'utf8')).toBe('{"step":1}\n{"step":2}\n{"step":3,"loss":1}\n')
  expect(await readdir(directory)).toEqual([METRICS_FILE])
})

it('forgets all where nothing is done', async () => {
  await writeFile(path, '{"step":1}\n')
  await MetricsLog.open(path, 0)
  expect(await readFile(path, 'utf8')).toBe('')
})

it('throws where the file cannot be read', async () => {
  await expect(MetricsLog.open(directory, 0)).rejects.toMatchObject({ code: 'EISDIR' })
})
