import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readCocoCaptions } from '../../src/data/cocoCaptions.js'
import { openEvaluationSet } from '../../src/eval/evaluationSet.js'
import { runCommand } from './runCommand.js'

let parent: string
const file = (name: string) => join(parent, name)
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-emoji-'))
})
afterAll(() => rm(parent, { recursive: true }))

const emoji = (...flags: string[]) =>
  runCommand(['data', 'emoji', '--vendors', 'streamline', '--cache', file('cache'), ...flags], { interactive: true })

it('renders with progress, counts, draws a sheet and exports a split', async () => {
  const { code, out, err } = await emoji(
    '--json',
    '--out',
    file('sheet.png'),
    '--export',
    'test-style+held-out',
    file('coco'),
  )
  expect(code).toBe(0)
  expect(err).toContain('rendering streamline')
  const counts = JSON.parse(out) as { split: string; pictures: number }[]
  expect(counts.map(({ split }) => split)).toEqual(['test-style', 'test-style+held-out'])
  expect((await sharp(await readFile(file('sheet.png'))).metadata()).format).toBe('png')
  expect(await readCocoCaptions(file('coco'))).toHaveLength(counts[1]!.pictures)
  expect((await openEvaluationSet(file('coco'))).pictures).toHaveLength(counts[1]!.pictures)
})

it('prints a line for each split', async () => {
  const { out } = await emoji()
  expect(out).toMatch(/^test-style +\d+ pictures +\d+ concepts +streamline \d+\n/)
})
