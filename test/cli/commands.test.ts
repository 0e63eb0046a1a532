import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CAPTIONS, writeTinyModel } from '../tasks/tinyModel.js'
import { runCommand } from './runCommand.js'

let parent: string
let model: string[]
const file = (name: string) => join(parent, name)

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-'))
  await writeTinyModel(file('tiny'))
  model = ['--model', file('tiny')]
  await mkdir(file('folder/images/deeper'), { recursive: true })
  for (const [name, background] of [
    ['a.png', '#ff0000'],
    ['b.png', '#00ff00'],
    ['images/c.png', '#0000ff'],
    ['images/deeper/d.jpg', '#ffff00'],
  ] as const)
    await sharp({ create: { width: 20, height: 20, channels: 3, background } }).toFile(file(`folder/${name}`))
})
afterAll(() => rm(parent, { recursive: true }))

describe('caption', () => {
  it('prints the text of one picture, and file and text of several', async () => {
    const one = await runCommand(['caption', file('folder/a.png'), ...model])
    expect(one).toMatchObject({ code: 0, err: '' })
    const two = await runCommand(['caption', file('folder/a.png'), file('folder/b.png'), ...model])
    expect(two.out.split('\n')[0]).toBe(`${file('folder/a.png')}\t${one.out.trimEnd()}`)
  })

  it('prints JSON and follows the generation flags', async () => {
    const flags = ['--num-beams', '2', '--max-new-tokens', '3', '--length-penalty', '-1', '--json']
    const { code, out } = await runCommand(['caption', file('folder/a.png'), ...model, ...flags])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual([
      {
        image: file('folder/a.png'),
        text: expect.any(String),
        finishReason: expect.stringMatching(/stop|length/),
        score: expect.any(Number),
      },
    ])
  })
})

describe('match', () => {
  it('prints both scores of each text in the order given', async () => {
    const { code, out } = await runCommand(['match', file('folder/a.png'), 'red car', 'octopus', ...model])
    expect(code).toBe(0)
    expect(out).toMatch(/^itm\titc\ttext\n0\.\d{4}\t-?0\.\d{4}\tred car\n0\.\d{4}\t-?0\.\d{4}\toctopus\n$/)
    const json = await runCommand(['match', file('folder/a.png'), 'red car', ...model, '--json'])
    expect(JSON.parse(json.out)).toEqual([{ text: 'red car', itm: expect.any(Number), itc: expect.any(Number) }])
  })
})

describe('embed', () => {
  it('prints one vector a line: three for a picture, one for a text', async () => {
    const { out } = await runCommand(['embed', file('folder/a.png'), ...model, '--text', 'red car', 'octopus'])
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(3 + 2)
    for (const line of lines) expect(line.split(' ')).toHaveLength(8)
    const json = await runCommand(['embed', ...model, '--json', '--text', 'red car'])
    const [{ text, vectors }] = JSON.parse(json.out)
    expect(text).toBe('red car')
    expect(vectors[0].join(' ')).toBe(lines[3])
  })

  it('needs something to embed', async () => {
    expect(await runCommand(['embed', ...model])).toMatchObject({
      code: 2,
      err: 'blip2: give pictures, or texts with --text\n',
    })
  })
})

describe('search', () => {
  it('lists pictures of the folder and of those in it, and reports files that are none', async () => {
    await writeFile(file('folder/broken.png'), 'no picture')
    const { code, out, err } = await runCommand(['search', 'octopus', file('folder'), ...model, '--json', '--top', '3'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toHaveLength(3)
    expect(err).toMatch(/^skipped: cannot decode .*broken\.png.*\nblip2: 1 of 5 pictures could not be read\n$/)
    await rm(file('folder/broken.png'))
    const plain = await runCommand(['search', 'octopus', file('folder'), ...model])
    expect(plain.err).toBe('')
    expect(plain.out.trimEnd().split('\n')).toHaveLength(1 + 4)
  })

  it('says what is wrong with the folder', async () => {
    expect((await runCommand(['search', 'a', file('none'), ...model])).err).toMatch(/cannot read the picture .*ENOENT/)
    expect((await runCommand(['search', 'a', file('tiny'), ...model])).err).toMatch(/holds no pictures/)
  })
})

describe('eval', () => {
  beforeAll(async () => {
    const images = ['c.png'].map((file_name, i) => ({ id: i, file_name }))
    const annotations = CAPTIONS.map((caption) => ({ image_id: 0, caption }))
    await writeFile(file('folder/captions.json'), JSON.stringify({ images, annotations }))
  })

  it('scores retrieval on a COCO-captions folder', async () => {
    const { code, out } = await runCommand(['eval', 'retrieval', '--data', file('folder'), ...model, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ pictures: 1, names: 7, k: 16, textRecallAt1: 1, imageRecallAt1: 1 })
    const table = await runCommand(['eval', 'retrieval', '--data', file('folder'), ...model, '--k', '4'])
    expect(table.out).toMatch(/picture to name +100\.0 % +100\.0 % +100\.0 %/)
  })

  it('scores captions and writes them down', async () => {
    const predictions = file('predictions.jsonl')
    const flags = ['--json', '--predictions', predictions]
    const { code, out } = await runCommand(['eval', 'caption', '--data', file('folder'), ...model, ...flags])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ count: 1, exactMatch: expect.any(Number), wordF1: expect.any(Number) })
    expect(JSON.parse(await readFile(predictions, 'utf8'))).toMatchObject({ id: '0', answers: CAPTIONS })
    const table = await runCommand(['eval', 'caption', '--data', file('folder'), ...model])
    expect(table.out).toMatch(/all +1 +\d/)
  })

  it('shows progress to a terminal only, and takes it away', async () => {
    const { err } = await runCommand(['eval', 'caption', '--data', file('folder'), ...model], { interactive: true })
    expect(err).toContain('captioning: 1 of 1')
    expect(err.endsWith('\r\x1b[K')).toBe(true)
  })
})

describe('exit codes', () => {
  it('0 for help and version', async () => {
    expect(await runCommand(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    for (const args of [['--help'], ['eval', 'retrieval', '--help']])
      expect(await runCommand(args)).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Usage: blip2') })
  })

  it('1 for what fails, in one line', async () => {
    for (const args of [
      ['caption', file('none.png'), ...model],
      ['caption', file('folder/a.png'), '--model', file('none')],
      ['eval', 'caption', '--data', 'emoji:none', ...model],
      ['demo', ...model, '--out', file('none/page.html')],
    ]) {
      const { code, out, err } = await runCommand(args)
      expect([code, out]).toEqual([1, ''])
      expect(err).toMatch(/^blip2: .+\n$/)
    }
  })

  it.each([
    [['caption'], /missing required argument 'image'/],
    [['caption', 'a.png', '--colour'], /unknown option '--colour'/],
    [['captoin'], /unknown command 'captoin'/],
    [['caption', 'a.png', '--num-beams', '0'], /--num-beams.*at least 1/],
    [['caption', 'a.png', '--length-penalty', 'x'], /--length-penalty.*expected a number/],
    [['caption', 'a.png', '--device', 'abacus'], /--device.*cpu, cuda/],
    [['eval', 'caption'], /'--data <set>' not specified/],
    [['data', 'emoji', '--export', 'val-style'], /needs a split and a directory/],
    [['data', 'emoji', '--export', 'none', 'out'], /no split is called 'none'/],
  ])('2 for wrong use: %o', async (args, message) => {
    const { code, out, err } = await runCommand(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(message)
    expect(err.trimEnd()).not.toContain('\n')
  })

  it('2 with the help where the command is missing', async () => {
    expect(await runCommand([])).toMatchObject({ code: 2, err: expect.stringContaining('Usage: blip2') })
  })

  it('2 for a limit beyond what the model can do', async () => {
    const { code, err } = await runCommand(['caption', file('folder/a.png'), ...model, '--max-new-tokens', '99'])
    expect(code).toBe(2)
    expect(err).toMatch(/at most 28 fit/)
  })

  it('130 where the user stops it', async () => {
    const interrupted = { signal: AbortSignal.abort() }
    expect(await runCommand(['caption', file('folder/a.png'), ...model], interrupted)).toEqual({
      code: 130,
      out: '',
      err: '',
    })
  })
})
