import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Command } from 'commander'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerChat } from '../../src/cli/chat.js'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { runCommand } from './runCommand.js'

let parent: string
let model: string[]
const file = (name: string) => join(parent, name)

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-text-'))
  await writeTinyModel(file('tiny'), ['vision', 'stage1', 'stage2', 'language'], { maxPositions: 160 })
  model = ['--model', file('tiny')]
  await mkdir(file('folder'))
  for (const [name, background] of [
    ['a.png', '#ff0000'],
    ['b.png', '#00ff00'],
    ['c.png', '#0000ff'],
  ] as const)
    await sharp({ create: { width: 20, height: 20, channels: 3, background } }).toFile(file(`folder/${name}`))
  await writeFile(file('broken.png'), 'no picture')
})
afterAll(() => rm(parent, { recursive: true }))

const run = (...args: string[]) => runCommand([...args, ...model])

describe('caption', () => {
  it('takes folders and patterns', async () => {
    const folder = await run('caption', file('folder'))
    expect(folder.out.trimEnd().split('\n')).toHaveLength(3)
    expect(await run('caption', file('folder/[ab].png'))).toMatchObject({
      code: 0,
      out: `${folder.out.split('\n').slice(0, 2).join('\n')}\n`,
    })
  })

  it('reports a bad file with its name, does the others, and fails', async () => {
    for (const flags of [[], ['--json']]) {
      const { code, out, err } = await run(
        'caption',
        file('folder/a.png'),
        file('broken.png'),
        file('folder/b.png'),
        ...flags,
      )
      expect(code).toBe(1)
      expect(out).toContain(file('folder/b.png'))
      expect(out).not.toContain('broken')
      expect(err).toMatch(/^skipped: cannot decode .*broken\.png.*\nblip2: 1 of 3 pictures could not be read\n$/)
    }
  })

  it('prints what it streams', async () => {
    const whole = await run('caption', file('folder/a.png'), '--num-beams', '1')
    expect(await run('caption', file('folder/a.png'), '--stream')).toEqual(whole)
    expect(await run('caption', file('folder'), '--stream')).toMatchObject({ code: 2, out: '' })
    expect(await run('caption', file('folder/a.png'), '--stream', '--num-beams', '3')).toMatchObject({
      code: 2,
      err: expect.stringContaining('cannot be streamed'),
    })
  })

  it('follows all generation flags', async () => {
    const flags = ['--preset', 'paper', '--num-return', '3', '--early-stopping', 'never', '--unique-ngrams', '2']
    const { code, out } = await run('caption', file('folder/a.png'), ...flags, '--stop', 'zz', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)[0].alternatives).toHaveLength(2)
    const drawn = ['--temperature', '1.2', '--top-k', '30', '--top-p', '0.9', '--seed', '4', '--max-new-tokens', '9']
    const [first, second] = [0, 1].map(() => run('caption', file('folder/a.png'), ...drawn))
    expect(await first).toEqual(await second)
    expect((await first!).code).toBe(0)
    expect(await run('caption', 'a.png', '--early-stopping', 'soon')).toMatchObject({ code: 2 })
    expect(await run('caption', 'a.png', '--preset', 'other')).toMatchObject({ code: 2 })
    expect(await run('caption', 'a.png', '--seed', '-1')).toMatchObject({ code: 2 })
  })
})

describe('ask', () => {
  it('prints one answer, and picture, question and answer of several', async () => {
    const one = await run('ask', file('folder/a.png'), 'what?')
    expect(one).toMatchObject({ code: 0, err: '' })
    const many = await run('ask', file('folder'), 'what?', 'where?')
    expect(many.out.split('\n')[0]).toBe(`${file('folder/a.png')}\twhat?\t${one.out.trimEnd()}`)
    expect(many.out.trimEnd().split('\n')).toHaveLength(6)
    const json = JSON.parse((await run('ask', file('folder/a.png'), 'what?', '--json')).out)
    expect(json).toEqual([
      {
        image: file('folder/a.png'),
        question: 'what?',
        text: one.out.trimEnd(),
        finishReason: expect.stringMatching(/stop|length/),
        score: expect.any(Number),
      },
    ])
  })

  it('follows the template and streams', async () => {
    const flags = ['--template', 'Q: {} A:', '--num-beams', '1']
    const whole = await run('ask', file('folder/a.png'), 'what?', ...flags)
    expect(await run('ask', file('folder/a.png'), 'what?', ...flags, '--stream')).toEqual(whole)
    expect(await run('ask', file('folder/a.png'), 'what?', '--template', 'Q')).toMatchObject({ code: 2 })
  })
})

describe('chat', () => {
  it('answers the last of the messages given', async () => {
    const first = await run('chat', file('folder/a.png'), 'what?', '--num-beams', '1')
    expect(first.code).toBe(0)
    const later = await run('chat', file('folder/a.png'), 'what?', 'red', 'why?', '--json')
    expect(JSON.parse(later.out)).toMatchObject({ text: expect.any(String) })
    expect(await run('chat', file('folder/a.png'), 'what?', 'red')).toMatchObject({ code: 2 })
  })

  it('answers every line that comes, with the turns before in mind', async () => {
    const converse = async (...flags: string[]) => {
      let out = ''
      const io = {
        out: (text: string) => {
          out += text
        },
        err: () => {},
        interactive: false,
        outIsTerminal: false,
        signal: new AbortController().signal,
      }
      const program = new Command()
      registerChat(program, io, Readable.from(['what?\n', '\n', 'why?\n']))
      await program.parseAsync(['chat', file('folder/a.png'), ...model, '--max-new-tokens', '5', ...flags], {
        from: 'user',
      })
      return out
    }
    const streamed = await converse()
    const lines = streamed.split('\n')
    expect(lines).toHaveLength(3)
    const json = (await converse('--num-beams', '1', '--json'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(json.map(({ question }) => question)).toEqual(['what?', 'why?'])
    expect(json[0].text).toBe(lines[0])
    expect((await converse('--num-beams', '2')).split('\n')).toHaveLength(3)
    const second = [
      'chat',
      file('folder/a.png'),
      'what?',
      lines[0]!,
      'why?',
      '--max-new-tokens',
      '5',
      '--num-beams',
      '1',
    ]
    expect((await run(...second)).out).toBe(`${lines[1]}\n`)
  })
})

describe('embed', () => {
  it('prints the queries after reading a picture with a text', async () => {
    const { out } = await run('embed', file('folder/a.png'), '--multimodal', 'red car', '--json')
    const [{ vectors }] = JSON.parse(out)
    expect([vectors.length, vectors[0].length]).toEqual([3, 16])
  })
})

describe('attention', () => {
  it('draws the map over the picture', async () => {
    const args = ['attention', file('folder/a.png'), 'a dog', '-o', file('map.png')]
    expect(await run(...args)).toMatchObject({ code: 0, out: '', err: '' })
    expect((await sharp(await readFile(file('map.png'))).metadata()).width).toBe(20)
    expect(await run(...args, '--query', 'all')).toMatchObject({ code: 0 })
    expect((await sharp(await readFile(file('map.png'))).metadata()).width).toBeGreaterThan(160)
  })

  it('prints the numbers', async () => {
    const { out } = await run('attention', file('folder/a.png'), '--json', '--layer', '0')
    const { rows, columns, queries } = JSON.parse(out)
    expect([rows, columns, queries.length, queries[0].length]).toEqual([2, 2, 3, 4])
  })

  it('says what is missing or not there', async () => {
    expect(await run('attention', file('folder/a.png'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('--output'),
    })
    const drawing = ['attention', file('folder/a.png'), '-o', file('map.png')]
    expect(await run(...drawing, '--layer', '1')).toMatchObject({ code: 2 })
    expect(await run(...drawing, '--query', '9')).toMatchObject({ code: 2 })
    expect(await run(...drawing, '--query', 'x')).toMatchObject({ code: 2 })
  })
})
