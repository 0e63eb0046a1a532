import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSource } from '../../image/decode.js'
import { replaceFile } from '../../weights/replaceFile.js'
import type { Interval } from '../bootstrap.js'
import { Html, html } from './html.js'
import { STYLE } from './style.js'
import { thumbnail } from './thumbnail.js'

export interface ReportScore {
  readonly name: string
  /** Shown times 100, as papers print them. */
  readonly value: number
  readonly interval?: Interval
  /** Examples it is the score of; shown where a row of the table has one. */
  readonly count?: number
}

/** Scores by the kind of example. */
export interface ReportTable {
  readonly title: string
  readonly rows: readonly ReportScore[]
}

export interface ReportExample {
  readonly id: string
  readonly image?: ImageSource
  readonly question?: string
  /** What the model said, and what people did. */
  readonly output: string
  readonly references: readonly string[]
  readonly score: number
}

export interface EvaluationReport {
  readonly title: string
  /** What was scored, in a sentence. */
  readonly summary: string
  readonly scores: readonly ReportScore[]
  readonly tables: readonly ReportTable[]
  /** The score by which examples are the best and the worst. */
  readonly exampleScore: string
  readonly examples: readonly ReportExample[]
}

/** Examples shown of each kind. */
const SHOWN = 12

/**
 * Writes a page with the scores and the best and worst examples: one file, `index.html`, that holds its pictures and
 * loads nothing.
 *
 * @returns The file's path.
 * @throws ImageError for an example's picture that cannot be read.
 */
export async function writeReport(directory: string, report: EvaluationReport): Promise<string> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, 'index.html')
  await replaceFile(path, (await page(report)).text)
  return path
}

async function page({ title, summary, scores, tables, exampleScore, examples }: EvaluationReport): Promise<Html> {
  const ranked = [...examples].sort((a, b) => b.score - a.score)
  // Each example is shown once, however few there are.
  const half = Math.ceil(ranked.length / 2)
  const best = ranked.slice(0, Math.min(SHOWN, half))
  const worst = ranked.slice(Math.max(half, ranked.length - SHOWN)).reverse()
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
<h1>${title}</h1>
<p>${summary}</p>
${scoreTable({ title: 'Scores', rows: scores })}
${tables.map(scoreTable)}
${await gallery(`Best by ${exampleScore}`, best)}
${await gallery(`Worst by ${exampleScore}`, worst)}
</html>
`
}

function scoreTable({ title, rows }: ReportTable): Html {
  const counted = rows.some(({ count }) => count !== undefined)
  const withInterval = rows.some(({ interval }) => interval !== undefined)
  const header = (shown: boolean, text: string) => (shown ? html`<th>${text}</th>` : undefined)
  const cells = rows.map(
    ({ name, value, interval, count }) =>
      html`<tr><th scope="row">${name}</th><td>${hundredfold(value)}</td>${
        withInterval
          ? html`<td>${interval && `${hundredfold(interval.low)} to ${hundredfold(interval.high)}`}</td>`
          : undefined
      }${counted ? html`<td>${count}</td>` : undefined}</tr>`,
  )
  return html`<section>
<h2>${title}</h2>
<table>
<thead><tr><th></th><th>× 100</th>${header(withInterval, '95 % interval')}${header(counted, 'examples')}</tr></thead>
<tbody>
${cells}
</tbody>
</table>
</section>`
}

async function gallery(title: string, examples: readonly ReportExample[]): Promise<Html | undefined> {
  if (examples.length === 0) return undefined
  const figures = await Promise.all(examples.map(figure))
  return html`<section>
<h2>${title}</h2>
<div class="gallery">
${figures}
</div>
</section>`
}

async function figure({ id, image, question, output, references, score }: ReportExample): Promise<Html> {
  const picture = image === undefined ? undefined : html`<img alt="" src="${await thumbnail(image)}">`
  return html`<figure>
${picture}
<figcaption>
<p class="score">${hundredfold(score)} <span>${id}</span></p>
${question === undefined ? undefined : html`<p class="question">${question}</p>`}
<p class="output">${output === '' ? '(nothing)' : output}</p>
<ul>
${references.map((reference) => html`<li>${reference}</li>`)}
</ul>
</figcaption>
</figure>`
}

const hundredfold = (value: number): string => (100 * value).toFixed(1)
