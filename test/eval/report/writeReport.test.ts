import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { html } from '../../../src/eval/report/html.js'
import { type ReportExample, writeReport } from '../../../src/eval/report/writeReport.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-report-'))
})
afterAll(() => rm(folder, { recursive: true }))

const image = { data: new Uint8Array(300).fill(120), width: 10, height: 10, channels: 3 } as const
const example = (i: number): ReportExample => ({
  id: `example-${i}`,
  image,
  output: `caption ${i}`,
  references: [`reference ${i}`],
  score: i / 100,
})

const write = async (name: string, examples: readonly ReportExample[]) => {
  const path = await writeReport(join(folder, name), {
    title: 'Captions of <test>',
    summary: 'A few.',
    scores: [{ name: 'CIDEr', value: 1.2346, interval: { low: 1.1, high: 1.3 } }],
    tables: [{ title: 'By type', rows: [{ name: 'what is', value: 0.5, count: 12 }] }],
    exampleScore: 'CIDEr',
    examples,
  })
  return { path, text: await readFile(path, 'utf8') }
}

describe('writeReport', () => {
  it('is one file that loads nothing', async () => {
    const { path, text } = await write('one', [example(1), example(2)])
    expect(path).toBe(join(folder, 'one', 'index.html'))
    expect(await readdir(join(folder, 'one'))).toEqual(['index.html'])
    const addresses = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address!)
    expect(addresses).toHaveLength(2)
    for (const address of addresses) expect(address).toMatch(/^data:image\/jpeg;base64,/)
    expect(text).not.toMatch(/<script|@import|url\(/)
  })

  it('shows scores with intervals and the table with counts', async () => {
    const { text } = await write('scores', [example(1)])
    expect(text).toContain('<th scope="row">CIDEr</th><td>123.5</td><td>110.0 to 130.0</td>')
    expect(text).toContain('<th scope="row">what is</th><td>50.0</td><td>12</td>')
  })

  it('shows the best first, then the worst first, and each example once', async () => {
    const { text } = await write(
      'many',
      Array.from({ length: 40 }, (_, i) => example(i)),
    )
    const shown = [...text.matchAll(/caption (\d+)/g)].map(([, i]) => Number(i))
    expect(shown.slice(0, 12)).toEqual([39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28])
    expect(shown.slice(12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    const few = await write('few', [example(1), example(2), example(3)])
    expect([...few.text.matchAll(/caption (\d)/g)].map(([, i]) => i)).toEqual(['3', '2', '1'])
  })

  it('shows text as text', async () => {
    const { text } = await write('escaped', [{ ...example(1), output: '<b>"&\'', question: '<i>?' }])
    expect(text).toContain('<title>Captions of &#60;test&#62;</title>')
    expect(text).toContain('&#60;b&#62;&#34;&#38;&#39;')
    expect(text).toContain('&#60;i&#62;?')
  })

  it('names a picture that cannot be read', async () => {
    await expect(write('missing', [{ ...example(1), image: join(folder, 'none.png') }])).rejects.toThrow(/none\.png/)
  })
})

it('html escapes values and leaves pieces as they are', () => {
  expect(html`<p>${'<'}${html`<b>${1}</b>`}${undefined}${[html`<i>`, html`</i>`]}</p>`.text).toBe(
    '<p>&#60;<b>1</b><i>\n</i></p>',
  )
})
