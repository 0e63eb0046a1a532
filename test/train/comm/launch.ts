import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Both families, by the names that Debian gives their launchers: `apt-get install openmpi-bin mpich`. */
export const LAUNCHERS = {
  'Open MPI': ['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'],
  MPICH: ['mpiexec.mpich'],
} as const

export type Family = keyof typeof LAUNCHERS

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** Programs of this folder compiled for Node, which the launchers start; vitest's own transformation ends with its process. */
export interface Programs {
  readonly path: (name: string) => string
  readonly remove: () => void
}

export async function compilePrograms(): Promise<Programs> {
  const directory = mkdtempSync(join(tmpdir(), 'blip2-ranks-'))
  const config = join(directory, 'tsconfig.json')
  const programs = join(ROOT, 'test', 'train', 'comm', 'programs')
  writeFileSync(join(directory, 'package.json'), '{ "type": "module", "version": "0.0.0" }')
  // The model that ships is read for its sizes.
  for (const folder of ['node_modules', 'models']) symlinkSync(join(ROOT, folder), join(directory, folder))
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        noCheck: true,
        rootDir: ROOT,
        outDir: directory,
        typeRoots: [join(ROOT, 'node_modules', '@types')],
      },
      include: [join(programs, '*.ts')],
    }),
  )
  const { code, output } = await finished(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    config,
  ])
  if (code !== 0) throw new Error(`the programs of the ranks do not compile:\n${output}`)
  return {
    path: (name) => join(directory, 'test', 'train', 'comm', 'programs', `${name}.js`),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export interface Finished {
  readonly code: number | null
  /** What was printed on both streams. */
  readonly output: string
}

/** Starts a program on two ranks; fails where the launcher is not installed. */
export function launch(
  family: Family,
  program: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const [launcher, ...flags] = LAUNCHERS[family]
  return finished(launcher, [...flags, '-n', '2', process.execPath, program, ...args], environment)
}

/** Threads that a rank has when two share the machine. */
export const SHARED_THREADS = Math.max(1, Math.floor(availableParallelism() / 2))

/** Starts a program; fails where it is not installed. */
export function finished(command: string, args: readonly string[], environment = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...environment } })
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    child.stderr.on('data', (data) => {
      output += data
    })
    child.on('error', (cause) => reject(new Error(`${command} is not to be had: apt-get install it`, { cause })))
    child.on('close', (code) => resolve({ code, output }))
  })
}
