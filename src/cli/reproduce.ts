import type { Command } from 'commander'
import { SHIPPED_MODEL } from '../weights/shippedModel.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption, positiveInteger } from './options.js'

type Flags = JsonOption & {
  readonly out: string
  readonly only?: string[]
  readonly quick?: true
  readonly seeds?: number
  readonly limit?: number
  readonly model: string
  readonly t5?: string
  readonly vqa?: string
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
    .option('--quick', 'shorter trainings and one seed: about 25 minutes on 2 cores instead of some hours')
    .option('--seeds <n>', 'seeds 1 to n (default: 3, with --quick 1)', positiveInteger)
    .option('--limit <n>', 'pictures or questions of each evaluation (default: 300, with --quick 150)', positiveInteger)
    .option('--model <dir>', 'frozen models and both stages (default: the one that ships)', SHIPPED_MODEL)
    .option('--t5 <dir>', 'model directory of "blip2 train t5", for what compares T5')
    .option('--vqa <dir>', 'a model that was fine-tuned for answers, instead of a short fine-tuning')
    .option('--page <file>', 'write the page of results, such as docs/experiments.md; anew after each experiment')
    .option('--cache <dir>', 'where renders of the drawings are kept')
    .action((flags: Flags) => reproduce(io, flags))
  addJsonOption(command)
}

async function reproduce(io: Io, flags: Flags): Promise<void> {
  const { EXPERIMENT_SIZES } = await import('../reproduce/experimentSize.js')
  const { runExperiments } = await import('../reproduce/runExperiments.js')
  const { experimentSection, writeExperiments } = await import('../reproduce/writeExperiments.js')
  const size = EXPERIMENT_SIZES[flags.quick ? 'quick' : 'standard']
  const { out, only, model, t5, vqa, page, cache, seeds = size.seeds, limit = size.limit } = flags
  const described = { command: commandOf(flags), size, seeds, limit }
  const found = await runExperiments({
    directory: out,
    size,
    seeds,
    limit,
    model,
    t5,
    vqa,
    cacheDir: cache,
    signal: io.signal,
    onStatus: (status) => io.err(`${status}\n`),
    ...(only ? { only } : {}),
    ...(page === undefined ? {} : { onFound: (all) => writeExperiments(all, { page, ...described }) }),
  })
  if (!flags.json) return io.out(found.map((scores) => experimentSection(scores)).join('\n'))
  printJson(
    io,
    found.map(({ experiment, scores, leftOut }) => ({
      letter: experiment.letter,
      title: experiment.title,
      ...(leftOut === undefined ? { scores: Object.fromEntries(scores) } : { leftOut }),
    })),
  )
}

/** The command with what decides its results, without the experiments that it was asked for. */
function commandOf({ out, quick, seeds, limit, model, t5, vqa }: Flags): string {
  const option = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name} ${value}`]
  return [
    `blip2 reproduce --out ${out}`,
    ...(quick ? ['--quick'] : []),
    ...option('seeds', seeds),
    ...option('limit', limit),
    ...option('model', model === SHIPPED_MODEL ? undefined : model),
    ...option('t5', t5),
    ...option('vqa', vqa),
  ].join(' ')
}
