import { type Command, Option } from 'commander'
import { capfilt, type CapfiltOptions, type CapfiltResult } from '../capfilt/capfilt.js'
import type { CapfiltProgress } from '../capfilt/progress.js'
import { DEVICES, type Device } from '../runtime/devices.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, finiteNumber, type JsonOption, positiveInteger, wholeNumber } from './options.js'

type Flags = JsonOption & {
  readonly captioner: string
  readonly ranker: string
  readonly data: string
  readonly out: string
  readonly candidates: number
  readonly keep: number
  readonly topP: number
  readonly minNewTokens?: number
  readonly maxNewTokens?: number
  readonly prompt?: string
  readonly batch: number
  readonly shardSize: number
  readonly seed: number
  readonly maxBroken: number
  readonly resume?: true
  readonly cache?: string
  readonly device: Device
  readonly threads?: number
}

/** `blip2 capfilt`: better captions for a data set, as shards to train on. */
export function registerCapfilt(program: Command, io: Io): void {
  const command = program
    .command('capfilt')
    .description('caption a data set anew, keep the best of old and new captions, and write shards to train on')
    .requiredOption('--captioner <model>', 'model that draws captions: BLIP-2 with stage 2, or BLIP')
    .requiredOption('--ranker <model>', 'model that compares pictures and texts: BLIP-2 with stage 1, or CLIP')
    .requiredOption('--data <spec>', "'emoji', a folder with captions, tar shards, or a mixture (.json)")
    .requiredOption('--out <dir>', 'shards, their statistics and report.html')
    .option('--resume', 'go on after the last finished shard in --out, or begin where there is none')
    .option('--candidates <n>', 'captions drawn of each picture', positiveInteger, 10)
    .option('--keep <n>', 'captions kept of each picture, best first', positiveInteger, 2)
    .option('--top-p <x>', 'draw among the likeliest tokens that have this probability together', finiteNumber, 0.9)
    .option('--min-new-tokens <n>', "tokens of a drawn caption at least (default: the captioner's)", positiveInteger)
    .option('--max-new-tokens <n>', "tokens of a drawn caption at most (default: the captioner's)", positiveInteger)
    .option('--prompt <text>', "text in front of the drawn captions (default: the captioner's)")
    .option('--batch <n>', 'pictures that go through the models together', positiveInteger, 16)
    .option(
      '--shard-size <n>',
      'pictures of a shard; a run that is killed loses the one it was writing',
      positiveInteger,
      1000,
    )
    .option('--seed <n>', 'seed of what is drawn', wholeNumber, 0)
    .option('--max-broken <x>', 'stop where a larger share of the pictures cannot be read', finiteNumber, 0.1)
    .option('--cache <dir>', 'where renders of the drawings are kept')
    .addOption(new Option('--device <device>', 'where the models run').choices([...DEVICES]).default('cpu'))
    .option('--threads <n>', 'threads of one operator (default: one per core)', positiveInteger)
    .action(async (flags: Flags) => {
      const line = progressReporter(io)
      const result = await capfilt({ ...optionsOf(flags), ...line, signal: io.signal }).catch((error: unknown) => {
        if (io.signal.aborted) line.tell('stopped; the same command with --resume goes on after the last shard')
        throw error
      })
      line.clear()
      if (flags.json) printJson(io, result)
      else io.out(table(result))
    })
  addJsonOption(command)
}

function optionsOf(flags: Flags): CapfiltOptions {
  const { captioner, ranker, data, out, resume, candidates, keep, topP, batch, shardSize, seed, device } = flags
  const { minNewTokens, maxNewTokens, prompt, maxBroken, cache, threads } = flags
  return {
    ...{ captioner, ranker, data, out, candidates, keep, topP, batch, shardSize, seed, device },
    resume: resume ?? false,
    maxBrokenShare: maxBroken,
    ...(minNewTokens === undefined ? {} : { minNewTokens }),
    ...(maxNewTokens === undefined ? {} : { maxNewTokens }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(cache === undefined ? {} : { cacheDir: cache }),
    ...(threads === undefined ? {} : { threads }),
  }
}

const CLEAR_LINE = '\r\x1b[K'
/** Where nobody watches the line, a run that takes days still leaves a trace in its log. */
const LOG_MS = 60_000

/** One line that is written over where somebody watches, a line a minute otherwise; losses are told as they come. */
function progressReporter(io: Io) {
  let last = Date.now()
  let drawn = false
  const clear = () => {
    if (drawn) io.err(CLEAR_LINE)
    drawn = false
  }
  const tell = (text: string) => {
    clear()
    io.err(`${text}\n`)
  }
  return {
    clear,
    tell,
    onStatus: (status: string) => {
      if (io.interactive) tell(status)
    },
    onLoss: (name: string, error: Error) => tell(`skipped ${name}: ${error.message}`),
    onProgress: (progress: CapfiltProgress) => {
      if (io.interactive) {
        io.err(`${CLEAR_LINE}${describe(progress)}`)
        drawn = true
      } else if (Date.now() - last > LOG_MS) {
        io.err(`${describe(progress)}\n`)
        last = Date.now()
      }
    },
  }
}

function describe({ done, fraction, picturesPerSecond, secondsLeft }: CapfiltProgress): string {
  const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`
  return `${done} pictures, ${(100 * fraction).toFixed(1)} %, ${picturesPerSecond.toFixed(1)} a second${left}`
}

function duration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min` : `${Math.round(seconds)} s`
}

function table({ samples, pictures, kept, bestByModel, shards, report }: CapfiltResult): string {
  const rows = [
    ['pictures', `${pictures} of ${samples} in ${shards} shard${shards === 1 ? '' : 's'}`],
    ['kept of the data set', String(kept.web)],
    ['kept of the captioner', String(kept.model)],
    ["best is the captioner's", `${bestByModel} pictures`],
    ['report', report],
  ]
  return rows.map(([name, value]) => `${name}\t${value}\n`).join('')
}
