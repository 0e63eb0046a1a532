import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeTinyModel } from '../../tasks/tinyModel.js'
import { writeTinyCaptionFolder } from '../recipes/tinyCaptionFolder.js'
import { compilePrograms, type Family, LAUNCHERS, type Programs } from './launch.js'

let programs: Programs
let directory: string
const file = (name: string) => join(directory, name)
beforeAll(async () => {
  programs = await compilePrograms()
  directory = await mkdtemp(join(tmpdir(), 'blip2-signals-'))
  await writeTinyModel(file('frozen'), ['vision', 'language'])
  await writeTinyCaptionFolder(file('pictures'))
})
afterAll(async () => {
  programs?.remove()
  await rm(directory, { recursive: true, force: true })
})

/** Longer than any test lasts. */
const STEPS = 5000

interface Running {
  readonly launcher: ChildProcess
  readonly code: Promise<number | null>
}

/** The same command each time. */
function start(family: Family, out: string): Running {
  const [program, ...flags] = LAUNCHERS[family]
  const command = ['pretrain', 'stage2', '--preset', 'emoji-quick', '--steps', `${STEPS}`, '--checkpoint-every', '4']
  const paths = ['--stage1', 'none', '--vision', file('frozen'), '--language-model', file('frozen')]
  const args = [...command, ...paths, '--data', file('pictures'), '--out', file(out), '--resume']
  const launcher = spawn(program, [...flags, '-n', '2', process.execPath, programs.path('cli'), ...args], {
    // Open MPI waits so many seconds, tells its ranks to end, waits again, and kills them.
    env: { ...process.env, OMPI_MCA_odls_base_sigkill_timeout: '2' },
    stdio: 'ignore',
  })
  return { launcher, code: new Promise((resolve) => launcher.once('exit', resolve)) }
}

async function stepsOf(out: string): Promise<number[]> {
  const text = await readFile(join(file(out), 'metrics.jsonl'), 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => (line.endsWith('}') ? [(JSON.parse(line) as { step: number }).step] : []))
}

const checkpointOf = async (out: string) => Number((await readFile(join(file(out), 'latest'), 'utf8')).split('-')[1])

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`in 20 s it did not come to this: ${what}`)
}

const reaches = (out: string, step: number) =>
  until(`step ${step} of ${out}`, async () => ((await stepsOf(out)).at(-1) ?? 0) >= step)

/** The ranks of a run that live. */
async function ranksOf(out: string): Promise<number[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return processes
    .filter((_, i) => commands[i]!.startsWith(process.execPath) && commands[i]!.includes(file(out)))
    .map(Number)
}

const allEnd = (out: string) => until(`no rank of ${out} lives`, async () => (await ranksOf(out)).length === 0)

/** The same command goes on after the last checkpoint. */
async function expectToGoOn(family: Family, out: string) {
  const saved = await checkpointOf(out)
  const { launcher, code } = start(family, out)
  await reaches(out, saved + 6)
  expect(await stepsOf(out)).toEqual(Array.from(await stepsOf(out), (_, i) => i + 1))
  launcher.kill('SIGKILL')
  await code
  await allEnd(out)
}

const onLinux = process.platform === 'linux'

describe.skipIf(!onLinux).each(Object.keys(LAUNCHERS) as Family[])('two ranks under %s', (family) => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'write a checkpoint of the last step when the launcher gets %s',
    async (signal) => {
      const out = `${family} ${signal}`
      const { launcher, code } = start(family, out)
      await reaches(out, 5)
      launcher.kill(signal)
      expect(await code).not.toBe(0)
      await allEnd(out)
      expect(await checkpointOf(out)).toBe((await stepsOf(out)).at(-1))
    },
  )

  it('end when one is killed, and go on with the same command', async () => {
    const out = `${family} rank`
    const { code } = start(family, out)
    await reaches(out, 5)
    process.kill((await ranksOf(out))[1]!, 'SIGKILL')
    expect(await code).not.toBe(0)
    await allEnd(out)
    await expectToGoOn(family, out)
  })

  it('end when their launcher is killed', async () => {
    const out = `${family} launcher`
    const { launcher, code } = start(family, out)
    await reaches(out, 5)
    launcher.kill('SIGKILL')
    await code
    await allEnd(out)
  })
})
