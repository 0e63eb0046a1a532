import type { DemoResult } from './runDemo.js'

/** The demonstration as text for a terminal. */
export function demoReport({ pictures, searches, names }: DemoResult): string {
  const mark = (right: boolean) => (right ? '✓' : '✗')
  const width = Math.max(...pictures.map(({ picture }) => picture.caption.length))
  const captions = Math.max(...pictures.map(({ caption }) => caption.length))
  const lines = pictures.map(({ picture, caption, captionIsRight, name, nameIsRight, match }) => {
    const scores = `itm ${match.itm.toFixed(2)} itc ${match.itc.toFixed(2)}`
    return `${picture.caption.padEnd(width)}  ${mark(captionIsRight)} ${caption.padEnd(captions)}  ${mark(nameIsRight)} ${name} (${scores})`
  })
  const heading = `${'true name'.padEnd(width)}  ${'  caption'.padEnd(captions + 2)}    best of ${names} names`
  const found = searches.map(({ text, found: best }) => {
    const list = best.map(({ picture, itm, itc }) => `${picture.caption} (itm ${itm.toFixed(2)} itc ${itc.toFixed(2)})`)
    return `search "${text}": ${list.join(', ')}`
  })
  const right = (is: (picture: (typeof pictures)[number]) => boolean) => pictures.filter(is).length
  const summary = `${right((picture) => picture.captionIsRight)} of ${pictures.length} captions and ${right((picture) => picture.nameIsRight)} of ${pictures.length} names are right.`
  return `${[heading, ...lines, summary, '', ...found].join('\n')}\n`
}

/** The same without the pictures, for programs. */
export function demoJson({ pictures, searches, names }: DemoResult) {
  return {
    names,
    pictures: pictures.map(({ picture, ...found }) => ({ file: picture.file, captions: picture.captions, ...found })),
    searches: searches.map(({ text, found }) => ({
      text,
      found: found.map(({ picture, ...match }) => ({ file: picture.file, ...match })),
    })),
  }
}
