import type { TrainingProgress } from '../train/loop.js'
import type { Io } from './io.js'

const BAR_WIDTH = 24
const LOG_EVERY = 50

export interface TrainingReporter {
  readonly onProgress: (progress: TrainingProgress) => void
  readonly onStatus: (status: string) => void
  /** Ends the line that is being redrawn. */
  readonly close: () => void
}

const CLEAR_LINE = '\r\x1b[K'
// A line that is longer than the terminal is wide is cut there; wrapped, it could not be redrawn.
const NO_WRAP = '\x1b[?7l'
const WRAP = '\x1b[?7h'

/**
 * Shows a training: one line that is redrawn where somebody watches, a line every 50 steps otherwise (a training runs
 * for long, and its log is read). The numbers are also in metrics.jsonl.
 */
export function trainingReporter(io: Io): TrainingReporter {
  let drawn = false
  const close = () => {
    if (drawn) io.err('\n')
    drawn = false
  }
  return {
    onProgress: (progress) => {
      const { step, steps } = progress
      if (io.interactive) {
        io.err(`${CLEAR_LINE}${NO_WRAP}${bar(step / steps)} ${describe(progress)}${WRAP}`)
        drawn = true
      } else if (step % LOG_EVERY === 0 || step === steps) io.err(`${describe(progress)}\n`)
    },
    onStatus: (status) => {
      close()
      io.err(`${status}\n`)
    },
    close,
  }
}

function describe({ step, steps, metrics, samplesPerSecond, secondsLeft }: TrainingProgress): string {
  const { lr, gradientNorm: _, ...losses } = metrics
  const numbers = Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(3)}`)
  return [
    `step ${step}/${steps}`,
    `${formatSeconds(secondsLeft)} left`,
    ...numbers,
    `lr ${lr!.toExponential(1)}`,
    `${samplesPerSecond.toFixed(0)} samples/s`,
  ].join('  ')
}

const bar = (part: number): string => {
  const full = Math.round(part * BAR_WIDTH)
  return `[${'='.repeat(full)}${' '.repeat(BAR_WIDTH - full)}]`
}

function formatSeconds(seconds: number): string {
  const total = Math.round(seconds)
  const [minutes, rest] = [Math.floor(total / 60), total % 60]
  return minutes === 0 ? `${rest} s` : `${minutes} min ${String(rest).padStart(2, '0')} s`
}
