import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCommand } from './runCommand.js'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'hugging-face')
const joined = ['--model', join(FIXTURES, 'opt'), '--retrieval-model', join(FIXTURES, 'retrieval')]
const alone = ['--model', join(FIXTURES, 'retrieval')]

let parent: string
let red: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-joined-'))
  red = join(parent, 'red.png')
  await sharp({ create: { width: 20, height: 20, channels: 3, background: '#f00' } }).toFile(red)
})
afterAll(() => rm(parent, { recursive: true }))

it.each([
  ['match', () => ['match', red, 'a red cat', '--json']],
  ['embed', () => ['embed', red, '--text', 'a red cat', '--json']],
  ['search', () => ['search', 'a red cat', parent, '--json']],
  ['attention', () => ['attention', red, 'a red cat', '--gradients', '--json']],
] as const)('%s is of the retrieval model', async (_, args) => {
  const [one, other] = [await runCommand([...args(), ...joined]), await runCommand([...args(), ...alone])]
  expect([one.code, one.err]).toEqual([0, ''])
  expect(one.out).toBe(other.out)
})

it('attention draws the Grad-CAM map, and says what it needs', async () => {
  const drawing = join(parent, 'match-map.png')
  const drawn = await runCommand(['attention', red, 'a red cat', '--gradients', '-o', drawing, ...joined])
  expect([drawn.code, drawn.err]).toEqual([0, ''])
  expect((await sharp(drawing).metadata()).width).toBe(20)
  const without = await runCommand(['attention', red, '--gradients', '-o', drawing, ...alone])
  expect([without.code, without.err]).toEqual([2, 'blip2: --gradients needs a text to match with\n'])
  const generator = await runCommand(['match', red, 'a', '--model', join(FIXTURES, 'opt')])
  expect([generator.code, generator.err]).toEqual([1, expect.stringContaining('retrievalModel')])
})
