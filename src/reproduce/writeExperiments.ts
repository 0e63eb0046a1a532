import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { replaceFile } from '../weights/replaceFile.js'
import type { RunScores } from './experiment.js'
import type { ExperimentSize } from './experimentSize.js'
import { barPlot, shown } from './plot.js'
import type { ExperimentScores } from './runExperiments.js'
import { compare, meanWithInterval } from './statistics.js'

export interface WriteExperimentsOptions {
  /** The page, in Markdown; plots go to a folder `experiments` beside it. */
  readonly page: string
  /** The command that made the results; with `--only LETTER` it makes one of them. */
  readonly command: string
  readonly size: ExperimentSize
  readonly seeds: number
  readonly limit: number
}

/** Writes the page with a table, a plot and a verdict for each experiment. */
export async function writeExperiments(
  found: readonly ExperimentScores[],
  options: WriteExperimentsOptions,
): Promise<void> {
  const { page, command } = options
  const plots = join(dirname(page), 'experiments')
  await mkdir(plots, { recursive: true })
  const sections = []
  for (const scores of found) {
    sections.push(experimentSection(scores, command))
    if (!scores.leftOut) await replaceFile(join(plots, `${scores.experiment.letter}.svg`), experimentPlot(scores))
  }
  await replaceFile(page, [head(options), ...sections].join('\n'))
}

const head = ({ command, size, seeds, limit }: WriteExperimentsOptions): string => `# The paper's experiments in small

\`\`\`sh
${command}
\`\`\`

Minutes of training where the paper has days: ${size.stage1} steps of stage 1 and ${size.stage2} of stage 2 (preset \`emoji-quick\`), ${size.vision} of the weaker image encoder, ${size.language} of each language model that is compared, ${size.vqa} of fine-tuning; ${limit} pictures or questions in each evaluation. ${seedsSaid(seeds)}

Captions and retrieval are scored on \`emoji:val-style\`, drawings by a vendor that no training saw; answers on \`scenes:val\`. Scores lie between 0 and 1.
`

const seedsSaid = (seeds: number): string =>
  seeds === 1
    ? 'One seed: there are no intervals, and no direction is decided; what is seen is said.'
    : `${seeds} seeds: means with 95 % intervals by Student's distribution. A direction "holds" where the interval of the differences seed by seed leaves zero out; at this size much is not decided, which is said.`

/**
 * One experiment as Markdown.
 * @param command that ran it with others; without one it is not named
 */
export function experimentSection({ experiment, scores, leftOut }: ExperimentScores, command?: string): string {
  const { letter, title, paper, score, expected } = experiment
  const head = `## (${letter}) ${title}\n\n${paper}\n`
  if (leftOut !== undefined) return `${head}\nNot run: ${leftOut}.\n`
  const names = [...new Set([...scores.values()].flat().flatMap((own) => Object.keys(own)))]
  const rows = [...scores].map(
    ([variant, runs]) => `| ${[variant, ...names.map((name) => cell(runs, name))].join(' | ')} |`,
  )
  const verdict = expected ? `\n${verdictOf(scores, expected, score)}\n` : ''
  const own = command === undefined ? '' : `\n\`${command} --only ${letter}\`\n`
  return `${head}
| | ${names.join(' | ')} |
|---|${names.map(() => '---').join('|')}|
${rows.join('\n')}
${verdict}${own}
![${title}](experiments/${letter}.svg)
`
}

function verdictOf(
  scores: ExperimentScores['scores'],
  [better, worse]: readonly [string, string],
  { name, better: direction }: { readonly name: string; readonly better: 'higher' | 'lower' },
): string {
  const values = (variant: string) => scores.get(variant)!.map((run) => run[name]!)
  const [ofBetter, ofWorse] = [values(better), values(worse)]
  if (ofBetter.length > 1) return `The paper's direction ${compare(ofBetter, ofWorse, direction)} here (${name}).`
  const difference = (direction === 'higher' ? 1 : -1) * (ofBetter[0]! - ofWorse[0]!)
  const seen =
    difference > 0 ? 'is seen' : difference < 0 ? 'is not seen: the opposite is' : 'is not seen: no difference'
  return `The paper's direction ${seen} (${name}, ${better} ${shown(ofBetter[0]!)}, ${worse} ${shown(ofWorse[0]!)}); one seed decides nothing.`
}

function cell(runs: readonly RunScores[], name: string): string {
  const { mean, halfWidth } = meanWithInterval(runs.map((run) => run[name]!))
  return halfWidth === undefined ? shown(mean) : `${shown(mean)} ± ${shown(halfWidth)}`
}

function experimentPlot({ experiment: { title, score }, scores }: ExperimentScores): string {
  const bars = [...scores].map(([name, runs]) => ({ name, ...meanWithInterval(runs.map((run) => run[score.name]!)) }))
  return barPlot(title, score.name, bars)
}
