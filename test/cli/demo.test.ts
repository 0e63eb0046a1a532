import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DemoAssets, readDemoAssets } from '../../src/cli/demo/assets.js'
import { demoPage } from '../../src/cli/demo/page.js'
import { emojiConcepts } from '../../src/data/emoji/concepts.js'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { type CommandResult, runCommand } from './runCommand.js'

let parent: string
let assets: DemoAssets
let result: CommandResult
let page: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-demo-'))
  await writeTinyModel(join(parent, 'tiny'))
  assets = await readDemoAssets()
  const out = join(parent, 'page.html')
  result = await runCommand(['demo', '--model', join(parent, 'tiny'), '--out', out, '--json'])
  page = await readFile(out, 'utf8')
})
afterAll(() => rm(parent, { recursive: true }))

it('comes with twelve pictures that are not share-alike, and the names of all base concepts', () => {
  expect(assets.pictures).toHaveLength(12)
  for (const { licence, captions } of assets.pictures) {
    expect(['Apache-2.0', 'CC-BY-4.0', 'MIT']).toContain(licence)
    expect(captions.some((caption) => assets.names.includes(caption))).toBe(true)
  }
  const names = emojiConcepts().flatMap(({ base, caption }) => (base ? [caption] : []))
  expect(assets.names).toEqual([...new Set(names)])
})

it('captions, names and searches', () => {
  expect(result).toMatchObject({ code: 0, err: '' })
  const { names, pictures, searches } = JSON.parse(result.out)
  expect(names).toBe(1644)
  expect(pictures).toHaveLength(12)
  for (const { captionIsRight, name, match } of pictures) {
    expect(captionIsRight).toBe(false)
    expect(assets.names).toContain(name)
    expect(match.itm).toBeGreaterThan(0)
    expect(Math.abs(match.itc)).toBeLessThanOrEqual(1)
  }
  for (const { found } of searches) expect(found).toHaveLength(3)
})

it('prints a table for people', async () => {
  const args = ['demo', '--model', join(parent, 'tiny'), '--out', join(parent, 'other.html')]
  const { out } = await runCommand(args)
  expect(out).toMatch(/woman firefighter +[✓✗]/)
  expect(out).toContain('0 of 12 captions')
  expect(out).toContain('other.html')
})

it('writes a page that needs nothing else', () => {
  expect(page).not.toMatch(/<script|<link|<iframe|url\(|@import/i)
  const sources = [...page.matchAll(/(?:src|href|srcset)="([^"]*)"/g)].map(([, source]) => source!)
  expect(sources).toHaveLength(12 + 4 * 3)
  for (const source of sources) expect(source).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/=]+$/)
})

it('writes a page that can be read aloud, on a telephone, and says whose the pictures are', () => {
  expect(page).toMatch(/<html lang="en">/)
  expect(page).toMatch(/name="viewport"/)
  expect(page).toMatch(/prefers-color-scheme: dark/)
  for (const tag of ['header', 'main', 'section', 'article', 'figure', 'footer']) expect(page).toContain(`<${tag}`)
  expect(page.match(/<img /g)).toHaveLength(page.match(/ alt="[^"]+"/g)!.length)
  expect(page).toContain('Streamline Emojis, by Streamline (CC-BY-4.0)')
  expect(page).toContain('Firefox OS Emoji, copyright Mozilla Foundation (Apache-2.0)')
})

it('does not let a caption write HTML', () => {
  const [picture] = assets.pictures
  const described = {
    picture: picture!,
    caption: '<script>alert(1)</script>',
    captionIsRight: false,
    name: '"a" & b',
    nameIsRight: false,
    match: { itm: 0, itc: 0 },
  }
  const dangerous = demoPage({ pictures: [described], searches: [{ text: '<b>', found: [] }], names: 1 })
  expect(dangerous).not.toMatch(/<script|<b>/)
  expect(dangerous).toContain('&lt;script&gt;')
})
