import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import type { StepFigures } from './emojiSteps.js'
import { limitedNetwork } from './limitedNetwork.js'
import type { Benchmark, Figures } from './main.js'
import { type StepModel, stepSeconds } from './stepModel.js'

const RANK_PROGRAM = fileURLToPath(new URL('./scalingRank.js', import.meta.url))
/** Each rank has one core. As root, and on machines with fewer cores than ranks, Open MPI wants to be told. */
const THIS_MACHINE: Launcher = ['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'core']

export const takesArguments = true

/**
 * Stage 1 of the preset 'emoji' on 1 and 2 ranks with one core each; what the ranks cost each other; and how well the
 * model of docs/scale.md predicts it. Needs Open MPI, 2 cores and 7 GB of memory. `--steps N` are counted of each
 * (default 5: a minute). With `--megabits N`, the two ranks are on two hosts with so slow a network between them (Linux,
 * as root).
 */
export const bench: Benchmark = async (note, args) => {
  const options = { steps: { type: 'string', default: '5' }, megabits: { type: 'string' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const steps = Number(values.steps)
  if (!(Number.isSafeInteger(steps) && steps > 0))
    throw new Error(`--steps is a whole number above 0, not '${values.steps}'`)
  if (values.megabits === undefined) return scaling(note, steps)
  const megabits = Number(values.megabits)
  if (!(megabits > 0)) throw new Error(`--megabits is a number above 0, not '${values.megabits}'`)
  return overNetwork(note, steps, megabits)
}

async function scaling(note: (line: string) => void, steps: number): Promise<Figures> {
  const one = await onRanks<StepFigures>(1, `steps ${steps}`)
  note(`1 rank: ${rate(one).toFixed(1)} samples/s`)
  const beside = await onRanks<StepFigures>(2, `alone ${steps}`)
  note(`1 rank while another trains beside it, without exchange: ${rate(beside).toFixed(1)} samples/s`)
  const two = await onRanks<StepFigures>(2, `steps ${steps}`)
  note(`2 ranks: ${rate(two).toFixed(1)} samples/s`)
  const network = await onRanks<NetworkFigures>(2, 'collectives')
  const memory = await onRanks<MemoryFigures>(2, 'memory')
  const sharded = await onRanks<MemoryFigures>(2, 'sharded')
  return {
    samplesPerSecond1: rate(one),
    samplesPerSecondBeside: rate(beside),
    samplesPerSecond2: rate(two),
    gflops1: one.operations / one.stepSeconds / 1e9,
    efficiency: rate(two) / (2 * rate(one)),
    // Without what the machine takes from two busy cores.
    efficiencyBeside: rate(two) / (2 * rate(beside)),
    ...againstModel(beside, two, network),
    twoRankOperations: one.twoRankOperations,
    residentMiB1: one.residentMiB,
    residentMiB2: two.residentMiB,
    bytesPerParameter: memory.bytesPerParameter,
    bytesPerParameterSharded: sharded.bytesPerParameter,
    optimizerSeconds: memory.seconds,
    optimizerSecondsSharded: sharded.seconds,
  }
}

async function overNetwork(note: (line: string) => void, steps: number, megabits: number): Promise<Figures> {
  const beside = await onRanks<StepFigures>(2, `alone ${steps}`)
  note(`1 rank while another trains beside it, without exchange: ${rate(beside).toFixed(1)} samples/s`)
  await using slow = await limitedNetwork(megabits)
  const two = await onRanks<StepFigures>(2, `steps ${steps}`, slow.launcher)
  note(`2 ranks, ${megabits} Mbit/s between them: ${rate(two).toFixed(1)} samples/s`)
  const network = await onRanks<NetworkFigures>(2, 'collectives', slow.launcher)
  return {
    megabits,
    samplesPerSecondBeside: rate(beside),
    samplesPerSecond2: rate(two),
    efficiencyBeside: rate(two) / (2 * rate(beside)),
    ...againstModel(beside, two, network),
  }
}

/** What the model says of two ranks from one rank and the network, beside what two ranks did. */
function againstModel(one: StepFigures, two: StepFigures, network: NetworkFigures): Figures {
  const predicted = stepSeconds(stepModelOf(one, network), 2)
  return {
    stepSeconds2: two.stepSeconds,
    predictedStepSeconds2: predicted.seconds,
    communicationShare: two.communicationSeconds / two.stepSeconds,
    predictedCommunicationShare: predicted.communication / predicted.seconds,
    allReduceGBs: network.bytesPerSecond / 1e9,
    latencyMicroseconds: network.latency * 1e6,
    gradientMB: one.gradientBytes / 1e6,
  }
}

/** Of one message of 4 bytes, and of many, added up over two ranks. */
interface NetworkFigures {
  readonly bytesPerSecond: number
  readonly latency: number
}

interface MemoryFigures {
  readonly bytesPerParameter: number
  readonly seconds: number
}

const rate = ({ samples, stepSeconds }: StepFigures): number => samples / stepSeconds

/** Vectors of both towers are gathered, negatives asked for and sent, losses and gradients added up. */
const COLLECTIVES = 6

/** @param one Measured on one rank, with as many busy cores as the ranks that are predicted. */
const stepModelOf = (one: StepFigures, { bytesPerSecond, latency }: NetworkFigures): StepModel => ({
  computeSeconds: (one.stepSeconds - one.optimizerSeconds) * one.twoRankOperations,
  fixedSeconds: one.optimizerSeconds,
  gradientBytes: one.gradientBytes,
  // Of all samples; half of them are a rank's.
  exchangedBytes: one.exchangedBytes / 2,
  collectives: COLLECTIVES,
  bandwidth: bytesPerSecond,
  latency,
})

type Launcher = readonly [program: string, ...flags: string[]]

/** @param what One of the measurements of scalingRank.ts, with what it takes. */
async function onRanks<Measured>(ranks: number, what: string, command: Launcher = THIS_MACHINE): Promise<Measured> {
  const [launcher, ...flags] = command
  const args = [...flags, '-n', `${ranks}`, process.execPath, RANK_PROGRAM, ...what.split(' ')]
  const { stdout } = await promisify(execFile)(launcher, args).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
    throw new Error(`${launcher} is not installed: apt-get install openmpi-bin`, { cause })
  })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured
}
