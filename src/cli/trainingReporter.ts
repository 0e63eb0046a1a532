import type { TrainingProgress } from '../train/loop.js'
import type { Io } from './io.js'

const BAR_WIDTH = 24
const LOG_EVERY = 50

/**
 * Shows a training: one line that is redrawn where somebody watches, a line every 50 steps otherwise (a training runs
 * for long, and its log is read). The numbers are also in metrics.jsonl.
 */
export function trainingReporter(io: Io): (progress: TrainingProgress) => void {
  return (progress) => {
    const { step, steps } = progress
    if (io.interactive) io.err(`\r\x1b[K${bar(step / steps)} ${describe(progress)}${step === steps ? '\n' : ''}`)
    else if (step % LOG_EVERY === 0 || step === steps) io.err(`${describe(progress)}\n`)
  }
}

function describe({ step, steps, metrics, samplesPerSecond, secondsLeft }: TrainingProgress): string {
  const { lr, gradientNorm: _, ...losses } = metrics
  const numbers = Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(3)}`)
  return `step ${step}/${steps}  ${numbers.join('  ')}  lr ${lr!.toExponential(1)}  ${samplesPerSecond.toFixed(0)} samples/s  ${formatSeconds(secondsLeft)} left`
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
