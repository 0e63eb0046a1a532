import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compiledPackage } from '../setup/compiledPackage.js'
import { writeTinyModel } from './tinyModel.js'

const project = join(import.meta.dirname, '../..')
// Folders hold what needs more than this package.
const examples = (await readdir(join(project, 'examples'))).filter((file) => file.endsWith('.mjs'))

// The examples import the package by its name, so they run where it is compiled.
let installed: string
let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-examples-'))
  await writeTinyModel(join(parent, 'tiny'), ['vision', 'stage1', 'stage2', 'language'], { maxPositions: 160 })
  await mkdir(join(parent, 'pictures'))
  for (const [name, background] of Object.entries({ red: '#ff0000', green: '#00ff00' }))
    await sharp({ create: { width: 20, height: 20, channels: 3, background } }).toFile(
      join(parent, 'pictures', `${name}.png`),
    )
  installed = await compiledPackage()
})
afterAll(() => rm(parent, { recursive: true }))

/** What each example prints with a tiny random model, in kind. */
const OUTPUT: Readonly<Record<string, RegExp>> = {
  'caption.mjs': /\{ score: -[\d.]+, finishReason: '\w+' \}\n.* \| next best: \[/,
  'stream.mjs': /^.*\n$/s,
  'ask.mjs': /^(.*\n){3,}$/,
  'chat.mjs': /^what is it\? .*\n(.*\n)*why\? .*\n$/,
  'match.mjs': /^hamburger \{ probability: 0\.\d+, cosine: -?0\.\d+ \}\nguitar .*\nsnowman .*\n$/,
  'embed.mjs': /^ITC -?0\.\d+\nmultimodal \[ 3, 16 \]\n$/,
  'search.mjs': /^(\w+\.png \{ probability: 0\.\d+, cosine: -?0\.\d+ \}\n){2}$/,
  'attention.mjs': /^3 queries over 2 x 2 patches\nquery 0 looks most at patch [0-3]\n$/,
  'thread.mjs': /^.*\{ turns: \d+ \}\n$/s,
}

it.each(examples)('%s runs', async (example) => {
  const input = example === 'search.mjs' ? 'pictures' : join('pictures', 'red.png')
  const args = [
    join(installed, 'examples', example),
    join(parent, input),
    join(parent, 'tiny'),
    join(parent, 'map.png'),
  ]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: parent })
  expect(stdout).toMatch(OUTPUT[example]!)
  expect(stderr).toBe('')
})

it('every example stands in a page of docs/tasks', async () => {
  const folder = join(project, 'docs', 'tasks')
  const pages = await Promise.all((await readdir(folder)).map((page) => readFile(join(folder, page), 'utf8')))
  for (const example of examples) {
    const code = (await readFile(join(project, 'examples', example), 'utf8')).trim()
    expect(
      pages.some((page) => page.includes(`\`\`\`js\n${code}\n\`\`\``)),
      `${example} is in no page`,
    ).toBe(true)
  }
})
