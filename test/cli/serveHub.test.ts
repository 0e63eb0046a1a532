import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { dataUrl } from '../serve/testServer.js'
import { compiledPackage } from '../setup/compiledPackage.js'
import { startHubServer } from '../weights/hub/hubServer.js'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'hugging-face')
const GENERATOR = join(FIXTURES, 'opt')
const RETRIEVAL = join(FIXTURES, 'retrieval')

it('serves a generator of the hub, fetched once for all threads, with a retrieval model beside it', async () => {
  const home = await mkdtemp(join(tmpdir(), 'blip2-serve-hub-'))
  const names = (await readdir(GENERATOR)).filter((name) => name !== 'expected')
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(GENERATOR, name))] as const))
  await using hub = await startHubServer('owner/opt', new Map(files))
  const main = join(await compiledPackage(), 'dist/cli/main.js')
  const models = ['--model', 'owner/opt', '--retrieval-model', RETRIEVAL]
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--workers', '2', ...models], {
    env: { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_HUB_CACHE: join(home, 'hub') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const url = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve))
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      return (await response.json()) as Record<string, unknown>
    }
    const image = await dataUrl('#f00')
    const bytes = Buffer.from(image.slice(image.indexOf(',') + 1), 'base64')
    await using generator = await Blip2.fromPretrained(GENERATOR)
    await using retrieval = await Blip2.fromPretrained(RETRIEVAL)
    const { text } = await generator.caption(bytes, { maxNewTokens: 5 })
    expect(await post('/v1/caption', { image, maxNewTokens: 5 })).toMatchObject({ text })
    const [expected] = await retrieval.match(bytes, ['a red cat'])
    const { matches } = await post('/v1/match', { image, texts: ['a red cat'] })
    expect((matches as { itm: number }[])[0]!.itm).toBeCloseTo(expected!.itm, 5)
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ data: [{ id: 'opt' }] })
    expect(hub.requests.filter((request) => request.startsWith('model-00001-of-00003.safetensors'))).toHaveLength(1)
  } finally {
    child.kill('SIGKILL')
    await rm(home, { recursive: true })
  }
})
