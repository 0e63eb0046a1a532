import { parseArgs } from 'node:util'
import { operationCount } from '../src/graph/operationCount.js'
import { PAPER_LANGUAGE_MODELS, PAPER_PRESETS, paperModelConfig } from '../src/train/pretrain/paperPresets.js'
import { drawTraining } from '../src/train/recipes/drawnTraining.js'
import { trainingMemory } from '../src/train/recipes/trainingMemory.js'
import type { Benchmark, Figures } from './main.js'
import { type StepModel, stepSeconds } from './stepModel.js'

export const takesArguments = true

const PRESET = 'paper-vit-g'
const RANKS = [16, 60, 120, 240, 420, 840]
const DAY = 86_400
const YEAR = 365 * DAY
/** Collectives of a step: see scaling.ts. */
const COLLECTIVES = 6

/**
 * Stage 1 as the paper ran it (129 million pictures, 250,000 steps of 1,680), by the model of docs/scale.md: nothing is
 * run. `--teraflops` that a rank reaches (default 1.5), `--gbits` of its network (25), `--microseconds` of a message (20),
 * `--years` between failures of a rank's machine (1), `--features` where the encoder's outputs are read, not computed.
 */
export const bench: Benchmark = async (note, args) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      teraflops: { type: 'string', default: '1.5' },
      gbits: { type: 'string', default: '25' },
      microseconds: { type: 'string', default: '20' },
      years: { type: 'string', default: '1' },
      features: { type: 'boolean', default: false },
    },
  })
  const machine: MachineFigures = {
    rate: 1e12 * positive('teraflops', values.teraflops),
    bandwidth: (1e9 / 8) * positive('gbits', values.gbits),
    latency: 1e-6 * positive('microseconds', values.microseconds),
    failureSeconds: YEAR * positive('years', values.years),
    encodes: !values.features,
  }
  const figures: Record<string, Figures> = {}
  for (const ranks of RANKS) {
    const plan = planOf(machine, ranks)
    figures[`${ranks} ranks`] = plan
    note(`${ranks} ranks: ${JSON.stringify(plan)}`)
  }
  return figures
}

interface MachineFigures {
  /** Floating-point operations a second. */
  readonly rate: number
  /** Bytes a second. */
  readonly bandwidth: number
  readonly latency: number
  /** Between two failures of one rank. */
  readonly failureSeconds: number
  /** Whether pictures go through the encoder, or their features are read. */
  readonly encodes: boolean
}

/** What a start takes: programs compiled, weights and the checkpoint read. */
const RESTART_SECONDS = 300

function planOf(machine: MachineFigures, ranks: number): Figures {
  const { optimization } = PAPER_PRESETS[PRESET].stage1
  const { batch, steps } = optimization
  const config = paperModelConfig(PRESET, PAPER_LANGUAGE_MODELS['opt-2.7b'])
  const options = { stage: 'stage1', batch, accumulate: ranks } as const
  // A rank computes what a pass of as many does.
  const { encoder, step, specs } = drawTraining(config, options)
  const gradientBytes =
    4 * [...specs.trained.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const encoderOperations = machine.encodes ? operationCount([encoder.features]) : 0
  const own = batch / ranks
  const [, tokens, width] = encoder.features.shape as [number, number, number]
  const { queries } = config.qformer
  const model: StepModel = {
    computeSeconds: (ranks * (encoderOperations + operationCount(step.outputs))) / machine.rate,
    // 28 bytes a parameter are read and written, at 50 GB/s.
    fixedSeconds: (7 * gradientBytes) / 50e9,
    gradientBytes,
    exchangedBytes: 4 * (own * tokens * width + batch * (queries + 1) * config.embeddingWidth),
    collectives: COLLECTIVES,
    bandwidth: machine.bandwidth,
    latency: machine.latency,
  }
  const { seconds, communication } = stepSeconds(model, ranks)
  const checkpointSeconds = (3 * gradientBytes) / 1e9
  const failure = failureCost(machine.failureSeconds / ranks, checkpointSeconds)
  const days = (steps * seconds * (1 + failure.share)) / DAY
  const {
    step: working,
    optimizer,
    encoder: encoding,
    frozen,
    program,
  } = trainingMemory(config, { ...options, batch: own, accumulate: 1, recompute: true })
  return {
    picturesOfARank: own,
    petaflopOfAStep: (ranks * (encoderOperations + operationCount(step.outputs))) / 1e15,
    stepSeconds: seconds,
    communicationShare: communication / seconds,
    days,
    failuresADay: (DAY * ranks) / machine.failureSeconds,
    checkpointEverySteps: Math.round(failure.interval / seconds),
    lostToFailures: failure.share,
    memoryOfARankGB: (working + optimizer + encoding + (machine.encodes ? frozen : 0) + program) / 1e9,
    gradientGB: gradientBytes / 1e9,
    networkGbits: (8 * (2 * gradientBytes + model.exchangedBytes)) / seconds / 1e9,
    picturesASecond: batch / seconds,
  }
}

/**
 * The interval between checkpoints that loses least (Young 1974), and the share of the time that is lost: checkpoints,
 * half an interval for each failure, and a start.
 */
function failureCost(failureSeconds: number, checkpointSeconds: number) {
  const interval = Math.sqrt(2 * checkpointSeconds * failureSeconds)
  const share = checkpointSeconds / interval + (interval / 2 + RESTART_SECONDS) / failureSeconds
  return { interval, share }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${name} is a number above 0, not '${text}'`)
  return value
}
