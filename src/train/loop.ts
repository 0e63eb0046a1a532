import { join } from 'node:path'
import { CheckpointError, ConfigError } from '../errors.js'
import type { Value } from '../runtime/index.js'
import { type Checkpoint, loadLatestCheckpoint } from './checkpoint/load.js'
import { saveCheckpoint } from './checkpoint/save.js'
import { type Communicator, SingleProcess } from './comm/communicator.js'
import { refuseRanks } from './comm/launcher.js'
import { OptimizerShards } from './comm/optimizerShards.js'
import { Replicas } from './comm/replicas.js'
import { lockTrainingDirectory } from './directoryLock.js'
import { METRICS_FILE, MetricsLog } from './metrics.js'
import { AdamW } from './optimizer/adamw.js'
import { parameterGroups } from './optimizer/parameterGroups.js'
import type { ParameterMemory } from './optimizer/parameterMemory.js'
import type { StepProgram } from './program.js'
import { openRunConfig } from './runConfig.js'
import type { Schedule } from './schedule.js'
import { EventLog } from './tensorboard/eventLog.js'

export type Metrics = Readonly<Record<string, number>>

/**
 * A training: what is computed at each step and how the weights follow. Everything random depends on the step alone.
 * Disposing it frees the runtime's sessions; the weights in the program's memory can be read all the same.
 */
export interface TrainingTask extends AsyncDisposable {
  /** Every value that decides the result, resolved; it is written beside the checkpoints and guards resuming. */
  readonly config: Readonly<Record<string, unknown>>
  readonly program: StepProgram
  readonly steps: number
  readonly samplesPerStep: number
  readonly schedule: Schedule
  readonly weightDecay: number
  /** Share of the learning rate of a weight, by name (default: 1 for all). */
  readonly lrScale?: (name: string) => number
  readonly betas?: readonly [number, number]
  readonly clipNorm?: number
  readonly feeds: (step: number) => Readonly<Record<string, Value>> | Promise<Readonly<Record<string, Value>>>
  /** Scores on held-out data, every `every` steps and at the end; on rank 0. */
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
  /** Holds config.json, metrics.jsonl, TensorBoard's event files and the checkpoints; one training at a time. */
  readonly directory: string
  /**
   * Continue from the last checkpoint, or begin where there is none yet. Without it, a directory that holds a checkpoint
   * is refused.
   */
  readonly resume?: boolean
  /** Steps between checkpoints (default 200); there is one at the end as well. */
  readonly checkpointEvery?: number
  /** Called once, before the steps, with those that are done already. */
  readonly onStart?: (done: number) => void
  readonly onProgress?: (progress: TrainingProgress) => void
  /**
   * Told what the user should know: a checkpoint of another number of ranks, or a damaged one, in whose place the newest
   * whole one is taken. Without it, a damaged checkpoint ends the training.
   */
  readonly onNotice?: (notice: string) => void
  /**
   * The ranks that train together, for which the task was opened (default: this process alone). Rank 0 writes the files
   * and validates; the others need no access to the directory.
   */
  readonly communicator?: Communicator
  /** Each rank keeps the optimiser's state of its share of the weights only (default false): less memory on each. */
  readonly shardOptimizer?: boolean
  /** Stops after the step in flight, with a checkpoint, and throws an AbortError. */
  readonly signal?: AbortSignal
}

/** Samples per second are averaged over this many steps. */
const RATE_WINDOW = 20

/**
 * Trains to the end of the task, or throws; the last good checkpoint is kept in either case. A directory whose run is
 * over is left as it is, with the weights of its last checkpoint in the task's memory.
 */
export async function train(task: TrainingTask, options: TrainOptions): Promise<void> {
  const { directory, checkpointEvery = 200, onStart, onProgress, signal } = options
  const communicator = options.communicator ?? alone()
  const { program, steps } = task
  const { memory } = program
  signal?.throwIfAborted()
  const isRoot = communicator.rank === 0
  const replicas = new Replicas(communicator, memory)
  await replicas.checkAlike(task.config)
  const optimizer = new AdamW(memory, {
    groups: parameterGroups(memory.parameters, {
      weightDecay: task.weightDecay,
      ...(task.lrScale ? { lrScale: task.lrScale } : {}),
    }),
    ...(task.betas ? { betas: task.betas } : {}),
  })
  await using _lock = isRoot ? await lockTrainingDirectory(directory) : undefined
  const configHash = isRoot ? await openRunConfig(directory, task.config) : ''
  const shards = options.shardOptimizer && communicator.size > 1 ? new OptimizerShards(communicator, memory) : undefined
  const checkpoint = isRoot ? await openCheckpoint({ ...options, communicator }, configHash, task) : undefined
  if (checkpoint) await restoreAll(checkpoint, memory, optimizer, shards === undefined)
  const first = await replicas.begin(checkpoint?.step ?? 0, optimizer, shards === undefined)
  if (shards && first > 0) await restoreShards(shards, optimizer, checkpoint)
  const metrics = isRoot ? await MetricsLog.open(join(directory, METRICS_FILE), first) : undefined
  const events = isRoot ? new EventLog(directory) : undefined
  onStart?.(first)

  const save = async (step: number) => {
    if (!isRoot) await shards?.give(optimizer)
    else
      await saveCheckpoint(directory, {
        step,
        configHash,
        weights: new Map(memory.parameters.map(({ name, shape, value }) => [name, { shape, data: value }])),
        optimizer: shards ? shards.collected(optimizer) : optimizer.moments(),
        state: { optimizerSteps: optimizer.steps, ranks: communicator.size },
      })
  }

  const times: number[] = []
  for (let step = first; step < steps; step++) {
    // Several ranks stop together, which they agree on below.
    if (communicator.size === 1) signal?.throwIfAborted()
    const start = performance.now()
    const feeds = await task.feeds(step)
    replicas.clear()
    const losses = await replicas.add(await program.run(step, feeds))
    const lr = task.schedule(step)
    const update = {
      lr,
      gradientScale: replicas.gradientScale,
      ...(task.clipNorm === undefined ? {} : { clipNorm: task.clipNorm }),
    }
    const { gradientNorm } = shards ? await shards.step(optimizer, update) : optimizer.step(update)
    times.push(performance.now() - start)
    if (times.length > RATE_WINDOW) times.shift()

    const done = step + 1
    const isLast = done === steps
    const seconds = times.reduce((sum, time) => sum + time, 0) / times.length / 1000
    const samplesPerSecond = task.samplesPerStep / seconds
    const report = async (scores: Metrics) => {
      const line = { ...losses, ...scores, lr, gradientNorm }
      const logged = { ...line, samplesPerSecond, residentBytes: process.memoryUsage.rss() }
      await metrics?.append({ step: done, ...logged })
      await events?.append(done, logged)
      onProgress?.({ step: done, steps, metrics: line, samplesPerSecond, secondsLeft: seconds * (steps - done) })
    }
    const scores = await (isRoot ? scoresOf(task, done) : Promise.resolve({})).catch(async (error: unknown) => {
      // The step itself went well: it is not lost with its scores, unless others are needed to keep it.
      await report({})
      if (!shards) await save(done)
      throw error
    })
    await report(scores)
    const stopping = await replicas.any(signal?.aborted ?? false)
    if (done % checkpointEvery === 0 || isLast || stopping) await save(done)
    if (stopping && !isLast) {
      // A rank that ends takes the others with it: not before the checkpoint is written.
      await communicator.barrier()
      throw signal?.aborted ? signal.reason : new DOMException('another rank was told to stop', 'AbortError')
    }
  }
}

/** Copies of a training that know nothing of each other would write over each other's files. */
function alone(): Communicator {
  refuseRanks('this training')
  return new SingleProcess()
}

/** Validation scores where they are due. */
async function scoresOf({ validation, steps }: TrainingTask, done: number): Promise<Metrics> {
  const due = validation && (done % validation.every === 0 || done === steps)
  return due ? validation.run() : {}
}

/** The directory's last checkpoint; undefined without one. */
async function openCheckpoint(
  { directory, resume = false, communicator, onNotice }: TrainOptions & { readonly communicator: Communicator },
  configHash: string,
  { steps }: TrainingTask,
): Promise<Checkpoint | undefined> {
  // Where nobody is told, an older checkpoint is not taken for a damaged one.
  const onDamaged = resume ? onNotice : undefined
  const checkpoint = await loadLatestCheckpoint(directory, { configHash, ...(onDamaged ? { onDamaged } : {}) })
  if (!checkpoint) return undefined
  if (!resume)
    throw new ConfigError(
      `${directory} holds a checkpoint of step ${checkpoint.step} of ${steps}; continue it with --resume, or choose another directory`,
    )
  if (checkpoint.step > steps)
    throw new CheckpointError(
      `${checkpoint.path} is beyond the ${steps} steps of this run; name an earlier one in ${join(directory, 'latest')}`,
    )
  const { ranks = 1 } = checkpoint.state
  if (ranks !== communicator.size)
    onNotice?.(
      `the checkpoint of step ${checkpoint.step} was written by a training of ${ranks} ranks, this one has ${communicator.size}: the batches stay the same, sums round differently`,
    )
  return checkpoint
}

/** @param moments Whether all of the optimiser's moments are this rank's. */
async function restoreAll(
  checkpoint: Checkpoint,
  { parameters }: ParameterMemory,
  optimizer: AdamW,
  moments: boolean,
): Promise<void> {
  const { optimizerSteps } = checkpoint.state
  if (typeof optimizerSteps !== 'number')
    throw new CheckpointError(
      `${checkpoint.path} does not say how many steps the optimiser took; it is of another program`,
    )
  await checkpoint.restoreWeights(new Map(parameters.map(({ name, shape, value }) => [name, { shape, data: value }])))
  if (moments) await checkpoint.restoreOptimizer(optimizer.moments())
  optimizer.steps = optimizerSteps
}

/** Rank 0 reads, all take their share. */
async function restoreShards(
  shards: OptimizerShards,
  optimizer: AdamW,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  if (!checkpoint) return shards.restore(optimizer)
  await using reader = await checkpoint.openOptimizer(optimizer.moments())
  await shards.restore(optimizer, reader.read)
}
