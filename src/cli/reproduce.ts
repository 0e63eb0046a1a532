import type { Command } from 'commander'
import { SHIPPED_MODEL } from '../weights/shippedModel.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption, positiveInteger } from './options.js'

type Flags = JsonOption & {
  readonly out: string
  readonly only?: string[]
  readonly seeds: number
  readonly limit: number
  readonly model: string
  readonly t5?: string
  readonly page?: string
  readonly cache?: string
}

/** `blip2 reproduce`: the paper's experiments in small. */
export function registerReproduce(program: Command, io: Io): void {
  const command = program
    .command('reproduce')
    .description("the paper's experiments at emoji-quick size, with tables and plots; the same command goes on")
    .requiredOption('--out <dir>', 'trainings and results')
    .option('--only <letter...>', 'experiments: a, a5, b, c-vision, c-language, c-kind, d, e, f, g')
    .option('--seeds <n>', 'seeds 1 to n', positiveInteger, 3)
    .option('--limit <n>', 'pictures or questions of each evaluation', positiveInteger, 300)
    .option('--model <dir>', 'frozen models and both stages (default: the one that ships)', SHIPPED_MODEL)
    .option('--t5 <dir>', 'model directory of "blip2 train t5", for what compares T5')
    .option('--page <file>', 'write the page of results, such as docs/experiments.md')
    .option('--cache <dir>', 'where renders of the drawings are kept')
    .action(async ({ out, only, seeds, limit, model, t5, page, cache, json }: Flags) => {
      const { runExperiments } = await import('../reproduce/runExperiments.js')
      const { experimentSection, writeExperiments } = await import('../reproduce/writeExperiments.js')
      const found = await runExperiments({
        directory: out,
        seeds,
        limit,
        model,
        t5,
        cacheDir: cache,
        signal: io.signal,
        onStatus: (status) => io.err(`${status}\n`),
        ...(only ? { only } : {}),
      })
      const asked = [
        `--out ${out}`,
        ...(only ? [`--only ${only.join(' ')}`] : []),
        `--seeds ${seeds}`,
        `--limit ${limit}`,
      ]
      if (page !== undefined)
        await writeExperiments(found, { page, seeds, command: `blip2 reproduce ${asked.join(' ')}` })
      if (json)
        printJson(
          io,
          found.map(({ experiment, scores, leftOut }) => ({
            letter: experiment.letter,
            title: experiment.title,
            ...(leftOut === undefined ? { scores: Object.fromEntries(scores) } : { leftOut }),
          })),
        )
      else io.out(found.map(experimentSection).join('\n'))
    })
  addJsonOption(command)
}
