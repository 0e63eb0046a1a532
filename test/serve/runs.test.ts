import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { followMetrics, type MetricsStep } from '../../src/serve/trainingRuns/followMetrics.js'
import { TrainingRuns } from '../../src/serve/trainingRuns/trainingRuns.js'
import { listen, openTinyModel, type TinyModel, testApp, until } from './testServer.js'

let tiny: TinyModel
let folder: string
beforeAll(async () => {
  tiny = await openTinyModel()
  folder = await mkdtemp(join(tmpdir(), 'blip2-runs-'))
  await mkdir(join(folder, 'stage1'))
  await mkdir(join(folder, 'not a run'))
  await writeFile(join(folder, 'stage1', 'config.json'), '{"steps":9}')
  await writeFile(join(folder, 'stage1', 'metrics.jsonl'), '{"step":1,"loss":3}\n{"step":2,"loss":2}\n{"st')
})
afterAll(async () => {
  await tiny.dispose()
  await rm(folder, { recursive: true })
})

const open = async () => testApp(tiny.model, { services: { runs: await TrainingRuns.open(folder) } })

it('lists runs with their last whole line, and shows their settings', async () => {
  const { app } = await open()
  expect(await (await app.request('/v1/runs')).json()).toEqual({
    runs: [{ name: 'stage1', updated: expect.stringMatching(/^\d{4}-/), latest: { step: 2, loss: 2 } }],
  })
  expect(await (await app.request('/v1/runs/stage1')).json()).toEqual({ name: 'stage1', config: { steps: 9 } })
  for (const name of ['none', '..', '%2e%2e', 'not%20a%20run', '..%2fstage1'])
    for (const path of [`/v1/runs/${name}`, `/v1/runs/${name}/events`])
      expect((await app.request(path)).status, path).toBe(404)
  expect((await (await testApp(tiny.model)).app.request('/v1/runs')).status).toBe(404)
})

it('streams the lines that are there, and ends with the client', async () => {
  const { app, services } = await open()
  const { url, close } = await listen(app)
  const controller = new AbortController()
  const response = await fetch(`${url}/v1/runs/stage1/events`, { signal: controller.signal })
  const { value } = await response.body!.getReader().read()
  expect(new TextDecoder().decode(value)).toBe('event: rows\ndata: [{"step":1,"loss":3},{"step":2,"loss":2}]\n\n')
  expect(services.scopes.size).toBe(1)
  controller.abort()
  await until(() => services.scopes.size === 0)
  expect((await fetch(`${url}/v1/runs/stage1/events`, { method: 'HEAD' })).status).toBe(200)
  await until(() => services.scopes.size === 0)
  await close()
})

it('follows a file as it grows, and begins anew when it is replaced', async () => {
  const path = join(folder, 'growing.jsonl')
  await writeFile(path, '{"step":1}\n{"st')
  const controller = new AbortController()
  const steps: MetricsStep[] = []
  const follow = async () => {
    for await (const step of followMetrics(path, controller.signal, { intervalMs: 5, idleMs: 60 })) steps.push(step)
  }
  const following = follow()
  // However slow this machine is: it may have been idle before rows come.
  const rows = () => steps.filter(({ kind }) => kind === 'rows').length
  await until(() => rows() === 1)
  await appendFile(path, 'ep":2}\n{"step":3}\n')
  await until(() => rows() === 2)
  await until(() => steps.at(-1)!.kind === 'idle')
  await writeFile(`${path}.new`, '{"step":1}\n')
  await rename(`${path}.new`, path)
  await until(() => rows() === 3)
  controller.abort()
  await expect(following).rejects.toThrow()
  expect(steps.filter(({ kind }) => kind !== 'idle')).toEqual([
    { kind: 'rows', rows: [{ step: 1 }] },
    { kind: 'rows', rows: [{ step: 2 }, { step: 3 }] },
    { kind: 'restart' },
    { kind: 'rows', rows: [{ step: 1 }] },
  ])
})
