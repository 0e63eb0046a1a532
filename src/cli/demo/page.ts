import type { Match } from '../../tasks/blip2.js'
import type { DemoPicture } from './assets.js'
import type { DemoResult, DemoSearch, DescribedPicture } from './runDemo.js'
import { STYLE } from './style.js'

/** The demonstration as one HTML file: pictures and style inside, no script, nothing loaded from elsewhere. */
export function demoPage({ pictures, searches, names }: DemoResult): string {
  const captionsRight = pictures.filter(({ captionIsRight }) => captionIsRight).length
  const namesRight = pictures.filter(({ nameIsRight }) => nameIsRight).length
  const total = pictures.length
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>blip2 demo: ${total} drawings the model has never seen</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${total} drawings the model has never seen</h1>
<p>A small BLIP-2, trained by this project on other artists' emoji drawings, describes each picture in its own words
(stage 2), picks the best of ${names.toLocaleString('en')} names (stage 1), and finds pictures by text.
The bold line under a picture is its true name. The model knows drawings of this kind, not photographs.</p>
<p class="summary"><strong>${captionsRight} of ${total}</strong> captions and <strong>${namesRight} of ${total}</strong> names are right.</p>
</header>
<main>
<section aria-labelledby="described">
<h2 id="described">Captions and names</h2>
<ul class="cards">
${pictures.map(card).join('\n')}
</ul>
</section>
<section aria-labelledby="searched">
<h2 id="searched">Search by text</h2>
<p>The three pictures, of these ${total}, that fit a text best. ITM is the probability that picture and text match;
ITC is the cosine of their vectors.</p>
${searches.map(searchResults).join('\n')}
</section>
</main>
<footer>
<h2>Whose drawings these are</h2>
<ul>
${attributions(pictures)
  .map((line) => `<li>${escapeHtml(line)}</li>`)
  .join('\n')}
</ul>
<p>The drawings are rendered to pixels on white; nothing else was changed.</p>
</footer>
</body>
</html>
`
}

function card({ picture, caption, captionIsRight, name, nameIsRight, match }: DescribedPicture): string {
  return `<li><article>
${image(picture, 128)}
<h3>${escapeHtml(picture.caption)}</h3>
<dl>
<dt>Caption</dt><dd>${verdict(captionIsRight)} ${escapeHtml(caption) || '<em>nothing</em>'}</dd>
<dt>Best name</dt><dd>${verdict(nameIsRight)} ${escapeHtml(name)}<br><small>${scores(match)}</small></dd>
</dl>
</article></li>`
}

function searchResults({ text, found }: DemoSearch): string {
  return `<figure>
<figcaption>“${escapeHtml(text)}”</figcaption>
<ol class="found">
${found.map(({ picture, ...match }) => `<li>${image(picture, 64)}<small>${scores(match)}</small></li>`).join('\n')}
</ol>
</figure>`
}

/** A word beside the sign, for those who do not see colours or pictures. */
const verdict = (right: boolean): string =>
  right
    ? '<span class="right" role="img" aria-label="right:">✓</span>'
    : '<span class="wrong" role="img" aria-label="wrong:">✗</span>'

const scores = ({ itm, itc }: Match): string => `ITM ${itm.toFixed(2)} · ITC ${itc.toFixed(2)}`

const image = ({ png, caption }: DemoPicture, size: number): string =>
  `<img src="data:image/png;base64,${Buffer.from(png).toString('base64')}" alt="${escapeHtml(caption)}" width="${size}" height="${size}">`

function attributions(pictures: readonly DescribedPicture[]): string[] {
  return [...new Set(pictures.map(({ picture }) => `${picture.attribution} (${picture.licence})`))]
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
