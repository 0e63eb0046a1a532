import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { frozenFixture, writeBert, writeT5 } from '../frozen/fixtures.js'
import { writeTinyCaptionFolder } from '../train/recipes/tinyCaptionFolder.js'
import { runCommand } from './runCommand.js'

let parent: string
const file = (name: string) => join(parent, name)
const pretrain = (stage: 'stage1' | 'stage2', data: string, out: string, ...more: string[]) =>
  runCommand([
    ...['pretrain', stage, '--preset', 'emoji-quick', '--steps', '2', '--data', file(data), '--out', file(out)],
    ...['--cache', file('cache'), ...more],
  ])
const encoder = () => ['--vision', frozenFixture('clip'), '--bert', file('bert')]

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-t5-'))
  await writeTinyCaptionFolder(file('pictures'))
  await writeBert(file('bert'))
  await writeT5(file('t5'))
})
afterAll(() => rm(parent, { recursive: true, force: true }))

it('from a T5 and pictures to captions, better captions, and a training on those', async () => {
  expect(await pretrain('stage1', 'pictures', 'stage1', ...encoder())).toMatchObject({ code: 0 })
  const withT5 = ['--stage1', file('stage1'), '--language-model', file('t5')]
  expect(await pretrain('stage2', 'pictures', 'stage2', ...withT5)).toMatchObject({ code: 0 })

  const picture = file('pictures/images/0.png')
  const caption = await runCommand(['caption', picture, '--model', file('stage2/model'), '--json'])
  expect(caption).toMatchObject({ code: 0 })
  expect(JSON.parse(caption.out)).toMatchObject([{ text: expect.any(String) }])

  const capfilt = await runCommand([
    ...['capfilt', '--captioner', file('stage2/model'), '--ranker', file('stage1/model')],
    ...['--data', file('pictures'), '--out', file('better'), '--candidates', '3', '--json'],
  ])
  expect(capfilt).toMatchObject({ code: 0 })
  expect(JSON.parse(capfilt.out)).toMatchObject({ samples: 4, pictures: 4, shards: 1 })

  expect(await pretrain('stage1', 'better', 'again', ...encoder())).toMatchObject({ code: 0 })
  const resumed = await pretrain('stage1', 'better', 'again', ...encoder(), '--resume')
  expect(resumed).toMatchObject({ code: 0 })
})
