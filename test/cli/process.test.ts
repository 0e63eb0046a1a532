import { spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeTinyModel } from '../tasks/tinyModel.js'

// The commands as they are installed: compiled, in a process of their own. Beside node_modules, which they import.
const project = join(import.meta.dirname, '../..')
const installed = join(project, '.build', `cli-test-${process.pid}`)
const main = join(installed, 'dist', 'cli', 'main.js')

let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-process-'))
  await writeTinyModel(join(parent, 'tiny'))
  await mkdir(installed, { recursive: true })
  await copyFile(join(project, 'package.json'), join(installed, 'package.json'))
  const tsc = join(project, 'node_modules', '.bin', 'tsc')
  const args = ['-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')]
  const built = spawnSync(tsc, args, { cwd: project, encoding: 'utf8' })
  expect(built.status, built.stdout).toBe(0)
})
afterAll(async () => {
  await rm(parent, { recursive: true })
  await rm(installed, { recursive: true })
})

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
