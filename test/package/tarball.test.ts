import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..', '..')
// As the README tells users on Linux: the runtime's GPU libraries are not fetched.
const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', npm_config_onnxruntime_node_install: 'skip' }

let project: string
beforeAll(async () => {
  // Packing builds into dist, which is the user's and may be in use: it is done in a copy of the sources.
  const checkout = join(inject('runFolder'), 'checkout')
  await copySources(checkout)
  project = await mkdtemp(join(tmpdir(), 'blip2-tarball-'))
  await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: checkout, env })
  const tarball = (await readdir(project)).find((name) => name.endsWith('.tgz'))!
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  // What `npm ci` has fetched for these tests is not fetched again.
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`], { cwd: project, env })
}, 180_000)
afterAll(() => rm(project, { recursive: true, force: true }))

/** Copies what the build reads and what the package holds, as a fresh checkout has them: without dist. */
async function copySources(checkout: string): Promise<void> {
  const { files } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { files: string[] }
  const settings = (await readdir(ROOT)).filter((name) =>
    /^(package|tsconfig|vite)\b.*\.(json|ts)$|^\.npmrc$/.test(name),
  )
  for (const name of ['src', ...settings, ...files.filter((name) => name !== 'dist')])
    await cp(join(ROOT, name), join(checkout, name), { recursive: true })
}

describe('the packed tarball, installed in an empty project', () => {
  it('is imported', async () => {
    const script =
      "import('blip2').then(({ Blip2, Blip2Error }) => console.log(typeof Blip2.fromPretrained, Blip2Error.name))"
    const { stdout } = await run('node', ['-e', script], { cwd: project })
    expect(stdout.trim()).toBe('function Blip2Error')
  })

  it('brings no emoji packs and says how to get them', async () => {
    const installed = await readdir(join(project, 'node_modules'))
    expect(installed).not.toContain('@iconify-json')
    const failed = await run('npx', ['blip2', 'data', 'emoji'], { cwd: project }).catch((error) => error)
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/npm install .*emojibase-data/)
  })
})
