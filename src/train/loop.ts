import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError, ConfigError } from '../errors.js'
import type { Value } from '../runtime/index.js'
import { type Checkpoint, loadLatestCheckpoint } from './checkpoint/load.js'
import { saveCheckpoint } from './checkpoint/save.js'
import { MetricsLog } from './metrics.js'
import { AdamW } from './optimizer/adamw.js'
import { parameterGroups } from './optimizer/parameterGroups.js'
import type { TrainingProgram } from './program.js'
import type { Schedule } from './schedule.js'

export type Metrics = Readonly<Record<string, number>>

/** A training: what is computed at each step and how the weights follow. Everything random depends on the step alone. */
export interface TrainingTask {
  /** Every value that decides the result, resolved; it is written beside the checkpoints and guards resuming. */
  readonly config: Readonly<Record<string, unknown>>
  readonly program: TrainingProgram
  readonly steps: number
  readonly samplesPerStep: number
  readonly schedule: Schedule
  readonly weightDecay: number
  readonly betas?: readonly [number, number]
  readonly clipNorm?: number
  readonly feeds: (step: number) => Readonly<Record<string, Value>> | Promise<Readonly<Record<string, Value>>>
  /** Scores on held-out data, every `every` steps and at the end. */
  readonly validation?: { readonly every: number; readonly run: () => Promise<Metrics> }
}

export interface TrainingProgress {
  /** Steps done. */
  readonly step: number
  readonly steps: number
  /** Losses of this step, the learning rate and the gradient's norm; validation scores where they are new. */
  readonly metrics: Metrics
  readonly samplesPerSecond: number
  readonly secondsLeft: number
}

export interface TrainOptions {
  /** Holds config.json, metrics.jsonl and the checkpoints. */
  readonly directory: string
  /** Continue from the last checkpoint; without it, a directory that holds one is refused. */
  readonly resume?: boolean
  /** Steps between checkpoints (default 200); there is one at the end as well. */
  readonly checkpointEvery?: number
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Stops after the step in flight, with a checkpoint. */
  readonly signal?: AbortSignal
}

/** Samples per second are averaged over this many steps. */
const RATE_WINDOW = 20

/** Trains to the end of the task, or throws; the last good checkpoint is kept in either case. */
export async function train(task: TrainingTask, options: TrainOptions): Promise<void> {
  const { directory, checkpointEvery = 200, onProgress, signal } = options
  const { program, steps } = task
  const { memory } = program
  const optimizer = new AdamW(memory, {
    groups: parameterGroups(memory.parameters, { weightDecay: task.weightDecay }),
    ...(task.betas ? { betas: task.betas } : {}),
  })
  const configHash = await openDirectory(directory, task.config)
  const first = await resumeStep(directory, configHash, options.resume ?? false, task, optimizer)
  const metrics = await MetricsLog.open(join(directory, 'metrics.jsonl'), first)

  const save = (step: number) =>
    saveCheckpoint(directory, {
      step,
      configHash,
      weights: new Map(memory.parameters.map(({ name, shape, value }) => [name, { shape, data: value }])),
      optimizer: optimizer.moments(),
      state: { optimizerSteps: optimizer.steps },
    })

  const times: number[] = []
  for (let step = first; step < steps; step++) {
    const start = performance.now()
    const losses = await program.run(step, await task.feeds(step))
    const lr = task.schedule(step)
    const { gradientNorm } = optimizer.step({ lr, ...(task.clipNorm ? { clipNorm: task.clipNorm } : {}) })
    times.push(performance.now() - start)
    if (times.length > RATE_WINDOW) times.shift()

    const done = step + 1
    const stopping = signal?.aborted ?? false
    const isLast = done === steps
    const due = task.validation && (done % task.validation.every === 0 || isLast)
    const scores = due ? await task.validation!.run() : {}
    const seconds = times.reduce((sum, time) => sum + time, 0) / times.length / 1000
    const samplesPerSecond = task.samplesPerStep / seconds
    const line = { ...losses, ...scores, lr, gradientNorm }
    await metrics.append({ step: done, ...line, samplesPerSecond })
    onProgress?.({ step: done, steps, metrics: line, samplesPerSecond, secondsLeft: seconds * (steps - done) })
    if (done % checkpointEvery === 0 || isLast || stopping) await save(done)
    if (stopping && !isLast) signal!.throwIfAborted()
  }
}

/** Writes config.json, or checks that it is the one of this run; gives its hash. */
async function openDirectory(directory: string, config: TrainingTask['config']): Promise<string> {
  const text = `${JSON.stringify(config, null, 2)}\n`
  const path = join(directory, 'config.json')
  await mkdir(directory, { recursive: true })
  const known = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (known !== undefined && known !== text)
    throw new ConfigError(
      `${path} belongs to another run (${changedKeys(known, config)} differ); train into another directory, or with the same settings`,
    )
  if (known === undefined) {
    await writeFile(`${path}.tmp`, text)
    await rename(`${path}.tmp`, path)
  }
  return createHash('sha256').update(text).digest('hex')
}

function changedKeys(known: string, config: TrainingTask['config']): string {
  let old: Record<string, unknown>
  try {
    old = JSON.parse(known) as Record<string, unknown>
  } catch {
    return 'it is not valid JSON, so all values'
  }
  const keys = new Set([...Object.keys(old), ...Object.keys(config)])
  return [...keys].filter((key) => JSON.stringify(old[key]) !== JSON.stringify(config[key])).join(', ')
}

async function resumeStep(
  directory: string,
  configHash: string,
  resume: boolean,
  { program, steps }: TrainingTask,
  optimizer: AdamW,
): Promise<number> {
  const checkpoint = await loadLatestCheckpoint(directory, { configHash })
  if (!checkpoint) return 0
  if (!resume)
    throw new ConfigError(
      `${directory} holds a checkpoint of step ${checkpoint.step} of ${steps}; continue it with --resume, or choose another directory`,
    )
  await restoreAll(checkpoint, program, optimizer)
  return checkpoint.step
}

async function restoreAll(checkpoint: Checkpoint, { memory }: TrainingProgram, optimizer: AdamW): Promise<void> {
  const { optimizerSteps } = checkpoint.state
  if (typeof optimizerSteps !== 'number')
    throw new CheckpointError(
      `${checkpoint.path} does not say how many steps the optimiser took; it is of another program`,
    )
  await checkpoint.restoreWeights(
    new Map(memory.parameters.map(({ name, shape, value }) => [name, { shape, data: value }])),
  )
  await checkpoint.restoreOptimizer(optimizer.moments())
  optimizer.steps = optimizerSteps
}
