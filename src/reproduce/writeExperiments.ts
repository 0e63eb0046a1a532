import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { replaceFile } from '../weights/replaceFile.js'
import type { RunScores } from './experiment.js'
import { barPlot, shown } from './plot.js'
import type { ExperimentScores } from './runExperiments.js'
import { compare, meanWithInterval } from './statistics.js'

export interface WriteExperimentsOptions {
  /** The page, in Markdown; plots go to a folder `experiments` beside it. */
  readonly page: string
  /** The command that made the results. */
  readonly command: string
  readonly seeds: number
}

/** Writes the page with a table, a plot and a verdict for each experiment. */
export async function writeExperiments(
  found: readonly ExperimentScores[],
  { page, command, seeds }: WriteExperimentsOptions,
): Promise<void> {
  const plots = join(dirname(page), 'experiments')
  await mkdir(plots, { recursive: true })
  const sections = []
  for (const scores of found) {
    sections.push(experimentSection(scores))
    if (!scores.leftOut) await replaceFile(join(plots, `${scores.experiment.letter}.svg`), experimentPlot(scores))
  }
  const head = `# The paper's experiments in small

\`${command}\`: \`emoji-quick\` size (minutes of training instead of days), ${seeds} seeds, means with 95 % intervals by Student's distribution. A direction "holds" where the interval of the differences seed by seed leaves zero out; at this size much is not decided, which is said.
`
  await replaceFile(page, [head, ...sections].join('\n'))
}

/** One experiment as Markdown. */
export function experimentSection({ experiment, scores, leftOut }: ExperimentScores): string {
  const { letter, title, paper, score, expected } = experiment
  const head = `## (${letter}) ${title}\n\n${paper}\n`
  if (leftOut !== undefined) return `${head}\nNot run: ${leftOut}.\n`
  const names = [...new Set([...scores.values()].flat().flatMap((own) => Object.keys(own)))]
  const rows = [...scores].map(
    ([variant, runs]) => `| ${[variant, ...names.map((name) => cell(runs, name))].join(' | ')} |`,
  )
  const verdict = expected ? `\nThe paper's direction ${verdictOf(scores, expected, score)} here.\n` : ''
  return `${head}
| | ${names.join(' | ')} |
|---|${names.map(() => '---').join('|')}|
${rows.join('\n')}
${verdict}
![${title}](experiments/${letter}.svg)
`
}

function verdictOf(
  scores: ExperimentScores['scores'],
  [better, worse]: readonly [string, string],
  { name, better: direction }: { readonly name: string; readonly better: 'higher' | 'lower' },
): string {
  const values = (variant: string) => scores.get(variant)!.map((run) => run[name]!)
  return compare(values(better), values(worse), direction)
}

function cell(runs: readonly RunScores[], name: string): string {
  const { mean, halfWidth } = meanWithInterval(runs.map((run) => run[name]!))
  return halfWidth === undefined ? shown(mean) : `${shown(mean)} ± ${shown(halfWidth)}`
}

function experimentPlot({ experiment: { title, score }, scores }: ExperimentScores): string {
  const bars = [...scores].map(([name, runs]) => ({ name, ...meanWithInterval(runs.map((run) => run[score.name]!)) }))
  return barPlot(title, score.name, bars)
}
