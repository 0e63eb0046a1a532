import { join } from 'node:path'
import { ConfigError } from '../errors.js'
import type { Experiment, RunScores } from './experiment.js'
import { experimentsOf } from './experiments.js'
import { Results } from './results.js'
import type { RunContext } from './runContext.js'

export interface ReproduceOptions extends Omit<RunContext, 'seed'> {
  /** Letters of the experiments (default: all that can be run). */
  readonly only?: readonly string[]
  /** Seeds 1 to this. */
  readonly seeds: number
  /** Called after each experiment with all that are over. */
  readonly onFound?: (found: readonly ExperimentScores[]) => Promise<void>
}

/** Scores of an experiment by variant, in the order of the seeds. */
export interface ExperimentScores {
  readonly experiment: Experiment
  readonly scores: ReadonlyMap<string, readonly RunScores[]>
  /** Why it was left out. */
  readonly leftOut?: string
}

/**
 * Runs experiments, variant by variant and seed by seed. Each run is kept in a file when it is over, so the same call
 * goes on where an earlier one was stopped; each size has a folder of its own.
 *
 * @param experiments what can be asked for
 * @throws ConfigError for a letter of no experiment
 */
export async function runExperiments(
  options: ReproduceOptions,
  experiments: readonly Experiment[] = experimentsOf(options.size),
): Promise<ExperimentScores[]> {
  const { only, seeds, onFound, ...given } = options
  const unknown = only?.find((letter) => !experiments.some((experiment) => experiment.letter === letter))
  if (unknown !== undefined)
    throw new ConfigError(
      `there is no experiment '${unknown}'; expected some of ${experiments.map(({ letter }) => letter).join(', ')}`,
    )
  const context = { ...given, directory: join(given.directory, given.size.name) }
  const results = new Results(context.directory)
  const found: ExperimentScores[] = []
  for (const experiment of experiments.filter(({ letter }) => !only || only.includes(letter))) {
    if (experiment.needs === 't5' && context.t5 === undefined && !only)
      found.push({ experiment, scores: new Map(), leftOut: 'needs --t5, a language model of "blip2 train t5"' })
    else
      found.push({ experiment, scores: await runExperiment(experiment, context, experiment.seeds ?? seeds, results) })
    await onFound?.(found)
  }
  return found
}

async function runExperiment(
  { letter, variants }: Experiment,
  context: Omit<RunContext, 'seed'>,
  seeds: number,
  results: Results,
): Promise<Map<string, RunScores[]>> {
  const scores = new Map<string, RunScores[]>(variants.map(({ name }) => [name, []]))
  for (let seed = 1; seed <= seeds; seed++)
    for (const { name, run } of variants) {
      context.signal?.throwIfAborted()
      const id = `${letter} ${name} limit ${context.limit} seed ${seed}`
      const known = await results.read(id)
      if (!known) context.onStatus?.(`${letter}: ${name}, seed ${seed}`)
      const own = known ?? (await run({ ...context, seed }))
      if (!known) await results.write(id, own)
      scores.get(name)!.push(own)
    }
  return scores
}
