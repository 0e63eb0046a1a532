import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCaptionedImages } from '../../src/data/captionedImages.js'
import { captionedSample } from '../../src/data/webdataset/captionedSample.js'
import { openImg2dataset } from '../../src/data/webdataset/img2dataset.js'
import { readShardSamples } from '../../src/data/webdataset/samples.js'
import { runCommand } from './runCommand.js'

let parent: string
const file = (name: string) => join(parent, name)
const DRAWINGS = ['noto-v1-octopus', 'noto-v1-guitar', 'streamline-snowman', 'fxemoji-penguin'] as const

/** Four drawings, the first one twice and once in another size, one that is no picture, one that is not there. */
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cli-data-'))
  await mkdir(file('set'))
  for (const name of DRAWINGS) await copyFile(`assets/demo/${name}.png`, file(`set/${name}.png`))
  await copyFile(file('set/noto-v1-octopus.png'), file('set/again.png'))
  await sharp(file('set/noto-v1-octopus.png')).resize(60).png().toFile(file('set/small.png'))
  await writeFile(file('set/bad.jpg'), 'no picture')
  const lines = [
    { image: 'noto-v1-octopus.png', captions: ['an octopus', 'a purple octopus'] },
    { image: 'noto-v1-guitar.png', caption: 'a guitar' },
    { image: 'streamline-snowman.png', caption: 'a snowman' },
    { image: 'fxemoji-penguin.png', caption: 'a penguin that looks at us' },
    { image: 'again.png', caption: 'an octopus' },
    { image: 'small.png', caption: 'an octopus' },
    { image: 'bad.jpg', caption: 'nothing' },
    { image: 'gone.png', caption: 'nothing' },
  ]
  await writeFile(file('set/captions.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
})
afterAll(() => rm(parent, { recursive: true }))

describe('data inspect', () => {
  it('counts samples and captions, gives reasons for the broken ones, finds duplicates', async () => {
    const { code, out, err } = await runCommand(['data', 'inspect', file('set'), '--json'])
    expect([code, err]).toEqual([0, ''])
    const report = JSON.parse(out)
    expect(report.sources).toEqual([
      {
        source: 'set',
        samples: 8,
        brokenSamples: 2,
        brokenShards: 0,
        broken: [
          { key: file('set/bad.jpg'), reason: expect.stringMatching(/cannot decode/) },
          { key: file('set/gone.png'), reason: expect.stringMatching(/cannot read .*gone\.png: ENOENT/) },
        ],
        bytes: expect.any(Number),
        shorterSide: expect.objectContaining({ count: 6, min: 60 }),
        captionsPerPicture: { count: 6, min: 1, median: 1, mean: 7 / 6, max: 2 },
        captionWords: { count: 7, min: 2, median: 2, mean: 19 / 7, max: 6 },
        distinctCaptions: 5,
      },
    ])
    const name = (key: string) => `set: ${file(`set/${key}.png`)}`
    expect(report.sameContent).toEqual([[name('noto-v1-octopus'), name('again')]])
    expect(report.sameLook).toEqual([[name('noto-v1-octopus'), name('small')]])
  })

  it('prints the same as a table, and draws a contact sheet', async () => {
    const { out } = await runCommand(['data', 'inspect', file('set'), '--sheet', file('sheet.png')])
    expect(out).toContain('  samples               8, 2 broken\n')
    expect(out).toContain('  caption length        2 to 6 words, median 2, mean 2.7\n')
    expect(out).toContain('files that come twice: 2, in 1 group\n')
    expect(await sharp(file('sheet.png')).metadata()).toMatchObject({ format: 'png', width: 6 * 104 + 8 })
  })

  it('looks at the first samples only, where asked to', async () => {
    const { out } = await runCommand(['data', 'inspect', file('set'), '--limit', '3', '--json'])
    expect(JSON.parse(out).sources[0]).toMatchObject({ samples: 3, brokenSamples: 0 })
  })

  it('reads shards that are cut off, and tells where', async () => {
    const whole = await readFile('test/fixtures/data/img2dataset/00000.tar')
    await writeFile(file('cut.tar'), whole.subarray(0, whole.length >> 1))
    const { code, out } = await runCommand(['data', 'inspect', file('cut.tar'), '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out).sources[0]).toMatchObject({
      brokenShards: 1,
      broken: [{ reason: expect.stringMatching(/truncated/) }],
    })
  })

  it('refuses what names no data', async () => {
    expect(await runCommand(['data', 'inspect', file('none')])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/names no data/),
    })
  })
})

describe('data convert', () => {
  const convert = (...args: string[]) => runCommand(['data', 'convert', file('set'), ...args, '--max-broken', '0.5'])
  const samplesOf = async (tar: string) => {
    const samples: { files: string[]; captions: readonly string[] }[] = []
    for await (const sample of readShardSamples(tar)) {
      const { captions } = captionedSample(sample)
      samples.push({ files: [...sample.files.keys()], captions })
    }
    return samples
  }

  it('writes shards that open as those of img2dataset', async () => {
    const { code, out, err } = await convert(file('shards'), '--shard-size', '3')
    expect([code, out]).toEqual([0, `${file('shards')}: 6 pictures in 3 shards, 2 of 8 samples broken\n`])
    expect(err).toMatch(/^skipped set: .*bad\.jpg: cannot read the picture: .*\nskipped set: .*gone\.png: .*ENOENT\n$/)
    const { shards, total } = await openImg2dataset(file('shards'))
    expect(total).toEqual({ count: 8, successes: 6, failedToDownload: 2, failedToResize: 0 })
    expect(await samplesOf(shards[0]!.tar)).toEqual([
      { files: ['png', 'json'], captions: ['an octopus', 'a purple octopus'] },
      { files: ['png', 'json', 'txt'], captions: ['a guitar'] },
      { files: ['png', 'json', 'txt'], captions: ['a snowman'] },
    ])
    expect(await samplesOf(shards[2]!.tar)).toEqual([])
  })

  it('goes on after the last finished shard, and gives what an uninterrupted run gives', async () => {
    await convert(file('resumed'), '--shard-size', '3')
    for (const name of ['00001.tar', '00001_stats.json', '00002.tar', '00002_stats.json'])
      await rm(file(`resumed/${name}`))
    await writeFile(file('resumed/00001.tar.99.tmp'), 'half a shard')
    expect(await convert(file('resumed'), '--shard-size', '3')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/holds shards already/),
    })
    const resumed = await convert(file('resumed'), '--shard-size', '3', '--resume', '--json')
    expect(JSON.parse(resumed.out)).toMatchObject({ pictures: 6, shards: 3, samples: 8, brokenSamples: 2 })
    const names = (await readdir(file('shards'))).sort()
    expect((await readdir(file('resumed'))).sort()).toEqual(names)
    for (const name of names) {
      const [one, other] = [await readFile(file(`shards/${name}`)), await readFile(file(`resumed/${name}`))]
      expect(other.equals(one), name).toBe(true)
    }
    expect(await convert(file('resumed'), '--shard-size', '2', '--resume')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/made of other data, or 3 to a shard/),
    })
  })

  it('writes a folder in the format of COCO, and reads its own shards', async () => {
    const { code, out } = await runCommand(['data', 'convert', file('shards'), file('folder'), '--to', 'folder'])
    expect([code, out]).toEqual([0, `${file('folder')}: 6 pictures, 0 of 6 samples broken\n`])
    const images = await readCaptionedImages(file('folder'))
    expect(images.map(({ captions }) => captions[0])).toEqual([
      'an octopus',
      'a guitar',
      'a snowman',
      'a penguin that looks at us',
      'an octopus',
      'an octopus',
    ])
    const octopus = await readFile(images[0]!.path)
    expect(octopus.equals(await readFile(file('set/noto-v1-octopus.png')))).toBe(true)
    const again = await runCommand(['data', 'convert', file('shards'), file('folder'), '--to', 'folder'])
    expect(again).toMatchObject({ code: 2, err: expect.stringMatching(/is there already/) })
  })

  it('turns drawings into PNG, and leaves nothing where too much is broken', async () => {
    await mkdir(file('vector'))
    await writeFile(
      file('vector/a.svg'),
      '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="20" height="30" fill="red"/></svg>',
    )
    await writeFile(file('vector/captions.csv'), 'image,caption\na.svg,a red field\n')
    await runCommand(['data', 'convert', file('vector'), file('vector-shards')])
    const [sample] = await samplesOf(file('vector-shards/00000.tar'))
    expect(sample).toEqual({ files: ['png', 'json', 'txt'], captions: ['a red field'] })
    const refused = await convert(file('refused'), '--to', 'folder', '--resume')
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/--resume goes with shards/) })
  })
})
