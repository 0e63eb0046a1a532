import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MetricsTail } from '../../src/train/metricsTail.js'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-tail-'))
  path = join(directory, 'metrics.jsonl')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it('reads what is new, a line once it is whole, and a file that was replaced anew', async () => {
  const tail = new MetricsTail(path)
  await expect(tail.read()).rejects.toMatchObject({ code: 'ENOENT' })
  await writeFile(path, '{"step":1}\n{"step":2}\n{"st')
  expect(await tail.read()).toEqual([{ step: 1 }, { step: 2 }])
  await appendFile(path, 'ep":3}\n')
  expect(await tail.read()).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }])
  await writeFile(`${path}.new`, '{"step":1}\n')
  await rename(`${path}.new`, path)
  expect(await tail.read()).toEqual([{ step: 1 }])
})
