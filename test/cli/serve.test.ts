import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { dataUrl, readEvents } from '../serve/testServer.js'
import { compiledPackage } from '../setup/compiledPackage.js'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { runCommand } from './runCommand.js'

// The command as it is installed: compiled, in a process of its own, with its threads.
let main: string
let parent: string
let tiny: string
let red: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-serve-cli-'))
  tiny = join(parent, 'tiny')
  await writeTinyModel(tiny, undefined, { maxPositions: 512 })
  red = await dataUrl('#f00')
  main = join(await compiledPackage(), 'dist/cli/main.js')
})
afterAll(() => rm(parent, { recursive: true }))

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

interface Served {
  readonly url: string
  readonly child: ChildProcess
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string | null>
  readonly post: (path: string, body: object) => Promise<Response>
}

async function serve(...args: string[]): Promise<Served> {
  // More threads than one would only wait for each other over a tiny model.
  const flags = ['--model', tiny, '--port', '0', '--threads', '1']
  const child = spawn(process.execPath, [main, 'serve', ...flags, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(child)
  const exited = new Promise<number | string | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code))
  })
  const lines = createInterface({ input: child.stdout! })
  const url = await new Promise<string>((resolve) => lines.once('line', resolve))
  const post = (path: string, body: object) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return { url, child, exited, post }
}

/** Waits until the server works on a request. */
async function begun({ url }: Served): Promise<void> {
  const metrics = async () => (await fetch(`${url}/metrics`)).text()
  while (!(await metrics()).includes('blip2_requests_under_way 1')) await delay(5)
}

/** Waits until the server takes no more requests. */
async function closing({ url }: Served): Promise<void> {
  const isOpen = () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (await isOpen()) await delay(5)
}

/** A text that takes a while. */
const slow = (tokens: number) => ({ image: red, minNewTokens: tokens, maxNewTokens: tokens, numBeams: 1 })

it('serves what the model says, whole and streamed, and ends when told to', async () => {
  const filter = join(parent, 'filter.mjs')
  await writeFile(filter, "export default (text) => 'filtered: ' + text\n")
  const { url, child, exited, post } = await serve('--workers', '2', '--output-filter', filter)
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  await using model = await Blip2.fromPretrained(tiny)
  const { text } = await model.caption(Buffer.from(red.slice(red.indexOf(',') + 1), 'base64'))
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => post('/v1/caption', { image: red })))
  for (const answer of answers) expect(await answer.json()).toMatchObject({ text: `filtered: ${text}` })
  const events = await readEvents(await post('/v1/caption', { image: red, stream: true }))
  expect(events.at(-1)).toMatchObject({ event: 'result', data: { text: `filtered: ${text}` } })
  const bad = await post('/v1/caption', { image: 'data:image/png;base64,AAAA' })
  expect(bad.status).toBe(400)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('blip2_batch_inputs_count{task="caption"}')
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
})

it('answers what is under way before it ends, and takes nothing new', async () => {
  const served = await serve()
  const { url, child, exited, post } = served
  const pending = post('/v1/caption', slow(150))
  await begun(served)
  child.kill('SIGINT')
  expect((await pending).status).toBe(200)
  expect(await exited).toBe(0)
  await expect(fetch(`${url}/healthz`)).rejects.toThrow()
})

it('gives up what is under way after the grace time', async () => {
  const served = await serve('--grace', '0', '--max-new-tokens', '400')
  const { child, exited, post } = served
  const pending = post('/v1/caption', slow(400))
  await begun(served)
  child.kill('SIGTERM')
  const response = await pending
  expect(response.status).toBe(503)
  expect(await exited).toBe(0)
})

it('ends at once when told twice', async () => {
  const served = await serve('--max-new-tokens', '400')
  const { child, exited, post } = served
  const pending = post('/v1/caption', slow(400))
  await begun(served)
  child.kill('SIGTERM')
  await closing(served)
  child.kill('SIGTERM')
  await expect(pending).rejects.toThrow()
  expect(await exited).toBe('SIGTERM')
})

it('stops a stream whose reader left', async () => {
  const { url, child, exited, post } = await serve('--max-new-tokens', '400')
  const controller = new AbortController()
  const response = await fetch(`${url}/v1/caption`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...slow(400), stream: true }),
    signal: controller.signal,
  })
  await response.body!.getReader().read()
  controller.abort()
  // The model is free for others at once.
  expect((await post('/v1/caption', slow(1))).status).toBe(200)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('blip2_requests_under_way 0')
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
})

it('says what is wrong with its flags, its model or its port', async () => {
  expect(await runCommand(['serve', '--port', '70000'])).toMatchObject({ code: 2 })
  expect(await runCommand(['serve', '--queue', '0'])).toMatchObject({ code: 2 })
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, 'serve', '--port', '0', ...args], { encoding: 'utf8', timeout: 20_000 })
  expect(run('--model', join(parent, 'nowhere'))).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^blip2: no model in .*\n$/),
  })
  const empty = join(parent, 'empty.mjs')
  await writeFile(empty, 'export const no = 1\n')
  expect(run('--model', tiny, '--output-filter', empty)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('must export a function'),
  })
  const missing = join(parent, 'missing.mjs')
  expect(run('--model', tiny, '--output-filter', missing)).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^blip2: cannot load the output filter [^\n]*\n$/),
  })
  expect(run('--model', tiny, '--runs', join(parent, 'no-runs'))).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^blip2: [^\n]* is no folder of training directories[^\n]*\n$/),
  })
  const other = createServer()
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening))
  const taken = run('--model', tiny, '--port', `${(other.address() as AddressInfo).port}`)
  other.close()
  expect(taken).toMatchObject({ status: 1, stderr: expect.stringContaining('EADDRINUSE') })
})
