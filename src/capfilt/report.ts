import { join } from 'node:path'
import { Html, html } from '../eval/report/html.js'
import { STYLE } from '../eval/report/style.js'
import { thumbnail } from '../eval/report/thumbnail.js'
import { replaceFile } from '../weights/replaceFile.js'
import { type CapfiltExample, readExamples } from './examples.js'
import { BINS, binStart, type Histogram } from './histogram.js'
import type { CapfiltSummary } from './statistics.js'

/** Examples shown of each kind. */
const SHOWN = 12

/**
 * Writes `report.html` beside the shards: what was kept, how the similarities are spread, and examples. It holds its
 * pictures and loads nothing.
 *
 * @param keep Captions kept of each picture.
 * @returns The file's path.
 */
export async function writeCapfiltReport(directory: string, summary: CapfiltSummary, keep: number): Promise<string> {
  const path = join(directory, 'report.html')
  const examples = await readExamples(directory, summary.shards, SHOWN)
  await replaceFile(path, (await page(summary, examples, keep)).text)
  return path
}

async function page(
  summary: CapfiltSummary,
  examples: Awaited<ReturnType<typeof readExamples>>,
  keep: number,
): Promise<Html> {
  const { pictures, samples, kept, bestByModel, brokenShards } = summary
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CapFilt</title>
<style>${new Html(STYLE)}${new Html(OWN_STYLE)}</style>
<h1>CapFilt</h1>
<p>${pictures} of ${samples} pictures, the best ${keep} captions of each.</p>
<table>
<tbody>
${row('Captions kept of the data set', kept.web)}
${row('Captions kept of the captioner', kept.model)}
${row("Pictures whose best caption is the captioner's", bestByModel)}
${row('Pictures that could not be read', samples - pictures)}
${row('Shards that could not be read to their end', brokenShards)}
</tbody>
</table>
<h2>Similarity of picture and caption</h2>
${chart(summary.similarity)}
${await gallery('Replaced: the captioner says it better', examples.model, keep)}
${await gallery('Confirmed: the data set says it better', examples.web, keep)}
</html>
`
}

const row = (name: string, value: number): Html =>
  html`<tr><th scope="row">${name}</th><td>${value.toLocaleString('en')}</td></tr>`

const KINDS = { web: 'of the data set', model: 'of the captioner', kept: 'kept' } as const

const [WIDTH, HEIGHT] = [800, 240]

/** Three lines over one axis, each as shares of its own captions. */
function chart(similarity: CapfiltSummary['similarity']): Html {
  const used = Array.from({ length: BINS }, (_, bin) => bin).filter((bin) =>
    Object.values(similarity).some((histogram) => histogram[bin]! > 0),
  )
  const [first, last] = [Math.max((used[0] ?? 0) - 1, 0), Math.min((used.at(-1) ?? BINS - 1) + 1, BINS - 1)]
  const shares = (histogram: Histogram) => {
    const total = histogram.reduce((sum, value) => sum + value, 0)
    return histogram.slice(first, last + 1).map((value) => (total === 0 ? 0 : value / total))
  }
  const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[]
  const top = Math.max(...kinds.flatMap((kind) => shares(similarity[kind])), 1e-9)
  const step = WIDTH / (last - first + 1)
  const line = (kind: keyof typeof KINDS) =>
    shares(similarity[kind])
      .map((share, i) => `${((i + 0.5) * step).toFixed(1)},${(HEIGHT * (1 - share / top)).toFixed(1)}`)
      .join(' ')
  const ticks = Array.from({ length: 5 }, (_, i) => first + ((last - first) * i) / 4)
  return html`<figure class="chart">
<svg viewBox="-10 -5 ${WIDTH + 20} ${HEIGHT + 30}" role="img" aria-label="Shares of captions by similarity">
<path d="M0 ${HEIGHT}H${WIDTH}" class="axis"/>
${ticks.map(
  (bin) =>
    html`<text x="${((bin - first + 0.5) * step).toFixed(1)}" y="${HEIGHT + 18}">${binStart(bin + 0.5).toFixed(2)}</text>`,
)}
${kinds.map((kind) => html`<polyline class="${kind}" points="${line(kind)}"/>`)}
</svg>
<figcaption>
${kinds.map((kind) => html`<span class="${kind}">${KINDS[kind]}, mean ${mean(similarity[kind])}</span>`)}
</figcaption>
</figure>`
}

function mean(histogram: Histogram): string {
  const total = histogram.reduce((sum, value) => sum + value, 0)
  if (total === 0) return 'of none'
  return (histogram.reduce((sum, value, bin) => sum + value * binStart(bin + 0.5), 0) / total).toFixed(2)
}

async function gallery(title: string, examples: readonly CapfiltExample[], keep: number): Promise<Html | undefined> {
  if (examples.length === 0) return undefined
  const figures = await Promise.all(examples.map((example) => figure(example, keep)))
  return html`<section>
<h2>${title}</h2>
<div class="gallery">
${figures}
</div>
</section>`
}

/** All that was compared, best first; what was kept stands out. */
async function figure({ image, metadata }: CapfiltExample, keep: number): Promise<Html> {
  const { candidates, source, source_key } = metadata
  const items = candidates.map(({ text, origin, similarity }, i) => {
    const said = html`${similarity.toFixed(2)} ${text}${origin === 'web' ? ' (data set)' : ''}`
    return html`<li>${i < keep ? html`<strong>${said}</strong>` : said}</li>`
  })
  return html`<figure>
<img alt="" src="${await thumbnail(image)}">
<figcaption>
<p class="score">${source}: ${source_key}</p>
<ul>
${items}
</ul>
</figcaption>
</figure>`
}

const OWN_STYLE = `
.chart { border: none; }
.chart svg { width: 100%; max-width: 50rem; }
.chart text { font-size: 12px; text-anchor: middle; fill: currentColor; }
.chart .axis { stroke: currentColor; opacity: 0.4; }
.chart polyline { fill: none; stroke: currentColor; stroke-width: 2; }
.chart span { margin-right: 1.5rem; font-weight: 600; }
.chart .web { stroke: #d1495b; color: #d1495b; }
.chart .model { stroke: #3066be; color: #3066be; }
.chart .kept { stroke: #2e933c; color: #2e933c; }
`
