import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { DataError } from '../errors.js'
import { METRICS_FILE } from '../train/metrics.js'
import { type MetricsLine, MetricsTail } from '../train/metricsTail.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption } from './options.js'
import { sparkline } from './sparkline.js'

const REDRAW_MILLISECONDS = 1000

interface WatchFlags extends JsonOption {
  readonly once?: boolean
}

/** `blip2 watch`: the curves of a training that runs, or has run. */
export function registerWatch(program: Command, io: Io): void {
  const command = program
    .command('watch')
    .description('draw the losses, learning rate, speed and memory of a training')
    .argument('<dir>', 'training directory: the --out of a training')
    .option('--once', 'draw once, and end; so it does where nobody watches')
    .action((directory: string, flags: WatchFlags) => watch(directory, flags, io))
  addJsonOption(command)
}

async function watch(directory: string, { once = false, json }: WatchFlags, io: Io): Promise<void> {
  const tail = new MetricsTail(join(directory, METRICS_FILE))
  const run = await readRun(directory)
  if (json) {
    const state = stateOf(run, await readLines(tail, directory))
    return printJson(io, state)
  }
  let drawn = 0
  for (;;) {
    const lines = await readLines(tail, directory)
    const state = stateOf(run, lines)
    const text = draw(directory, state, lines, process.stdout.columns ?? 80)
    // Over what was drawn before, and nothing of it left below.
    io.out(`${drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ''}${text}`)
    drawn = text.split('\n').length - 1
    if (once || !io.outIsTerminal || state.ended) return
    await setTimeout(REDRAW_MILLISECONDS, undefined, { signal: io.signal }).catch(() => undefined)
    if (io.signal.aborted) return
  }
}

/** What config.json says of a run. */
interface Run {
  readonly kind?: string
  readonly steps?: number
  readonly batch?: number
}

async function readRun(directory: string): Promise<Run> {
  const path = join(directory, 'config.json')
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Run
  } catch (cause) {
    throw new DataError(`cannot read ${path}: ${(cause as Error).message}; give the --out directory of a training`, {
      cause,
    })
  }
}

async function readLines(tail: MetricsTail, directory: string): Promise<readonly MetricsLine[]> {
  const lines = await tail.read().catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (lines.length === 0) throw new DataError(`the training in ${directory} has not done its first step`)
  return lines
}

interface State extends Run {
  readonly step: number
  readonly ended: boolean
  /** Undefined where the run does not say how long it is. */
  readonly secondsLeft?: number
  /** Of the last step. */
  readonly metrics: MetricsLine
}

function stateOf(run: Run, lines: readonly MetricsLine[]): State {
  const { step = 0, ...metrics } = lines.at(-1)!
  const { kind, steps, batch } = run
  const ended = steps !== undefined && step >= steps
  const { samplesPerSecond } = metrics
  const timed = steps !== undefined && batch !== undefined && samplesPerSecond !== undefined
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(steps === undefined ? {} : { steps }),
    ...(batch === undefined ? {} : { batch }),
    step,
    ended,
    ...(timed ? { secondsLeft: Math.round(((steps - step) * batch) / samplesPerSecond) } : {}),
    metrics,
  }
}

/** A title, and for each metric a curve of its values with the last and the range. */
function draw(directory: string, state: State, lines: readonly MetricsLine[], columns: number): string {
  const { kind, step, steps, ended, secondsLeft } = state
  const title = [
    directory,
    ...(kind === undefined ? [] : [kind]),
    steps === undefined ? `step ${step}` : `step ${step}/${steps}`,
    ...(ended ? ['ended'] : secondsLeft === undefined ? [] : [`${secondsLeft} s left`]),
  ]
  const names = [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((name) => name !== 'step')
  const longest = Math.max(...names.map((name) => name.length))
  const width = Math.max(10, columns - longest - 40)
  const rows = names.map((name) => {
    const values = lines.map((line) => line[name]).filter((value) => value !== undefined)
    const range = `${format(Math.min(...extremes(values)))} to ${format(Math.max(...extremes(values)))}`
    const curve = sparkline(values, width).padEnd(width)
    return `${name.padEnd(longest)}  ${curve}  ${format(values.at(-1)!).padStart(9)}  ${range}`
  })
  return `${[title.join('  '), ...rows].join('\n')}\n`
}

/** Least and largest: a spread of all values would be too many arguments. */
const extremes = (values: readonly number[]): [number, number] =>
  values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  )

function format(value: number): string {
  const size = Math.abs(value)
  if (size >= 2 ** 30) return `${(value / 2 ** 30).toFixed(2)} GiB`
  if (size >= 2 ** 20) return `${(value / 2 ** 20).toFixed(0)} MiB`
  if (value !== 0 && size < 0.001) return value.toExponential(1)
  return value.toPrecision(4)
}
