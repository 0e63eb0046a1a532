import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Benchmark } from './main.js'
import { type StepModel, stepSeconds } from './stepModel.js'

const RANK_PROGRAM = fileURLToPath(new URL('./scalingRank.js', import.meta.url))
/** Each rank has one core. As root, and on machines with fewer cores than ranks, Open MPI wants to be told. */
const LAUNCHER = ['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'core'] as const
/** Vectors of both towers are gathered, negatives asked for and sent, losses and gradients added up. */
const COLLECTIVES = 6

/**
 * Stage 1 of the preset 'emoji' on 1 and 2 ranks with one core each; what the ranks cost each other; and how well the
 * model of docs/scale.md predicts it. Needs Open MPI. About half a minute on 2 cores.
 */
export const bench: Benchmark = async (note) => {
  const one = await onRanks(1, 'steps')
  const two = await onRanks(2, 'steps')
  const network = await onRanks(2, 'collectives')
  const [whole, sharded] = [await onRanks(2, 'memory'), await onRanks(2, 'sharded')]
  const rate = ({ samples, stepSeconds }: Figures) => samples! / stepSeconds!
  const efficiency = rate(two) / (2 * rate(one))
  const model: StepModel = {
    computeSeconds: one['stepSeconds']!,
    vectorSeconds: VECTOR_SHARE * one['stepSeconds']!,
    fixedSeconds: 0,
    gradientBytes: one['gradientBytes']!,
    exchangedBytes: 0,
    collectives: COLLECTIVES,
    bandwidth: network['bytesPerSecond']!,
    latency: network['latency']!,
  }
  const predicted = stepSeconds(model, 2)
  note(`1 rank: ${rate(one).toFixed(1)} samples/s; 2 ranks: ${rate(two).toFixed(1)} samples/s`)
  return {
    samplesPerSecond1: rate(one),
    samplesPerSecond2: rate(two),
    efficiency,
    predictedEfficiency: one['stepSeconds']! / (2 * predicted.seconds),
    communicationShare: two['communicationSeconds']! / two['stepSeconds']!,
    allReduceGBs: network['bytesPerSecond']! / 1e9,
    latencyMicroseconds: network['latency']! * 1e6,
    residentMiB1: one['residentMiB']!,
    residentMiB2: two['residentMiB']!,
    bytesPerParameter: whole['bytesPerParameter']!,
    bytesPerParameterSharded: sharded['bytesPerParameter']!,
  }
}

/** Part of a step's operations that the vectors' passes take, without gradients. */
const VECTOR_SHARE = 0.08

type Figures = Readonly<Record<string, number>>

async function onRanks(ranks: number, what: string): Promise<Figures> {
  const [launcher, ...flags] = LAUNCHER
  const { stdout } = await promisify(execFile)(launcher, [
    ...[...flags, '-n', `${ranks}`],
    ...[process.execPath, RANK_PROGRAM, what],
  ])
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Figures
}
