import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTinyModel } from '../../tasks/tinyModel.js'
import { writeTinyCaptionFolder } from '../recipes/tinyCaptionFolder.js'
import { compilePrograms, type Family, LAUNCHERS } from './launch.js'

export interface RunSettings {
  readonly steps: number
  readonly checkpointEvery: number
}

/** A launcher that was started, and what it ends with. */
export interface Started {
  readonly launcher: ChildProcess
  readonly code: Promise<number | null>
}

/** Trainings of stage 2 of a tiny model on two ranks, which are killed and started again by the same command. */
export interface LaunchedRuns {
  readonly directory: (out: string) => string
  readonly start: (family: Family, out: string) => Started
  /** Process ids of the ranks of a run that live. Linux only. */
  readonly ranksOf: (out: string) => Promise<number[]>
  /** What each step has logged; an unfinished last line is left out. */
  readonly metricsOf: (out: string) => Promise<{ readonly step: number; readonly loss: number }[]>
  /** The step of the newest checkpoint. */
  readonly checkpointOf: (out: string) => Promise<number>
  readonly remove: () => Promise<void>
}

export async function launchedRuns({ steps, checkpointEvery }: RunSettings): Promise<LaunchedRuns> {
  const programs = await compilePrograms()
  const parent = await mkdtemp(join(tmpdir(), 'blip2-launched-'))
  const frozen = join(parent, 'frozen')
  await writeTinyModel(frozen, ['vision', 'language'])
  await writeTinyCaptionFolder(join(parent, 'pictures'))
  const directory = (out: string) => join(parent, out)

  return {
    directory,
    start: (family, out) => {
      const [program, ...flags] = LAUNCHERS[family]
      const command = ['pretrain', 'stage2', '--preset', 'emoji-quick', '--resume']
      const lengths = ['--steps', `${steps}`, '--checkpoint-every', `${checkpointEvery}`]
      const paths = ['--stage1', 'none', '--vision', frozen, '--language-model', frozen]
      const data = ['--data', join(parent, 'pictures'), '--out', directory(out)]
      const rank = [process.execPath, programs.path('cli'), ...command, ...lengths, ...paths, ...data]
      const launcher = spawn(program, [...flags, '-n', '2', ...rank], {
        // Open MPI waits so many seconds, tells its ranks to end, waits again, and kills them.
        env: { ...process.env, OMPI_MCA_odls_base_sigkill_timeout: '2' },
        stdio: 'ignore',
      })
      return { launcher, code: new Promise((resolve) => launcher.once('exit', resolve)) }
    },
    ranksOf: async (out) => {
      const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const commands = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')))
      const isRank = (line: string) =>
        line.startsWith(process.execPath) && line.includes(programs.path('cli')) && line.includes(directory(out))
      return ids.filter((_, i) => isRank(commands[i]!)).map(Number)
    },
    metricsOf: async (out) => {
      const text = await readFile(join(directory(out), 'metrics.jsonl'), 'utf8').catch(() => '')
      return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []))
    },
    checkpointOf: async (out) => Number((await readFile(join(directory(out), 'latest'), 'utf8')).split('-')[1]),
    remove: async () => {
      programs.remove()
      await rm(parent, { recursive: true, force: true })
    },
  }
}

/** Waits for what is to happen soon; throws where it does not. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`in 20 s it did not come to this: ${what}`)
}
