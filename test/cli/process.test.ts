import { spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compiledPackage } from '../setup/compiledPackage.js'
import { writeTinyModel } from '../tasks/tinyModel.js'

// The commands as they are installed: compiled, in a process of their own.
let main: string
let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-process-'))
  await writeTinyModel(join(parent, 'tiny'))
  main = join(await compiledPackage(), 'dist/cli/main.js')
})
afterAll(() => rm(parent, { recursive: true }))

it('prints data on stdout, errors on stderr, and exits with the code', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  expect(run('embed', '--text', 'octopus', '--json', '--model', join(parent, 'tiny'))).toMatchObject({
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/^\[\{"text":"octopus","vectors":\[\[/),
  })
  expect(run('caption', '--colour')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: "blip2: unknown option '--colour'\n",
  })
  expect(run('caption', 'none.png', '--model', 'nowhere')).toMatchObject({ status: 1, stdout: '' })
})

it('exits with 130 on Ctrl-C', async () => {
  // A picture that never comes.
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`
    const child = spawn(process.execPath, [main, 'caption', address, '--model', join(parent, 'tiny')])
    const exited = new Promise((exit) => child.once('exit', (code, signal) => exit({ code, signal })))
    server.once('request', () => child.kill('SIGINT'))
    expect(await exited).toEqual({ code: 130, signal: null })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
