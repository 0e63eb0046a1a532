import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAnnotationList } from '../../../src/data/readers/annotationList.js'
import { readCaptionCsv, readCaptionLines } from '../../../src/data/readers/captionTable.js'
import type { CaptionRecord, ReadOptions } from '../../../src/data/readers/captionRecord.js'
import { readCocoRecords } from '../../../src/data/readers/cocoAnnotations.js'
import { readConceptualCaptions } from '../../../src/data/readers/conceptualCaptions.js'
import { readKarpathySplit } from '../../../src/data/readers/karpathySplit.js'
import { readSbuJson, readSbuText } from '../../../src/data/readers/sbuCaptions.js'
import { DataError } from '../../../src/errors.js'
import { collect, fixture } from '../fixture.js'

let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-lines-'))
  file = join(folder, 'list')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Reader = (file: string, options?: ReadOptions) => AsyncIterable<CaptionRecord>
const list: Reader = (file, options) => readAnnotationList(file, 'images', options)
const lines: Reader = (file, options) => readCaptionLines(file, 'images', options)
const csv: Reader = (file, options) => readCaptionCsv(file, 'images', options)
const cc3m: Reader = (file, options) => readConceptualCaptions(file, 'cc3m', options)
const karpathy: Reader = (file, options) => readKarpathySplit(file, 'images', options)
const coco: Reader = async function* (file) {
  yield* await readCocoRecords(file, 'images')
}

const good = '{"image": "a.jpg", "caption": "a"}'
const url = 'http://x.example/a.jpg'
it.each<[string, Reader, string, RegExp]>([
  ['a field of another type', list, `[${good},\n{"image": 3, "caption": "a"}]`, /line 2: \[1\]\.image: .*string/],
  ['no picture', list, '[\n\n{"caption": "a"}]', /line 3: \[0\]: expected an "image" or a "url", got neither/],
  ['an empty caption', list, '[{"image": "a.jpg", "caption": " "}]', /line 1: \[0\]: there is no caption/],
  ['a path that leaves the folder', list, '[{"image": "../a", "caption": "a"}]', /"\.\.\/a"; expected a path inside/],
  ['an absolute path', list, '[{"image": "/etc/passwd", "caption": "a"}]', /expected a path inside/],
  ['a url that is none', list, '[{"url": "file:///a.jpg", "caption": "a"}]', /expected an http\(s\) address/],
  ['an entry that is no JSON', list, `[${good},\n${good}\n${good}]`, /line 2: \[1\] is not JSON/],
  ['a comma too many', list, `[${good},\n]`, /line 2: expected a value before/],
  ['a truncated file', list, `[${good},\n{"image": `, /line 2: the file ends here/],
  ['more after the end', list, `[${good}]\n[]`, /line 2: there is more after the end/],
  ['no JSON at all', list, 'image,caption', /line 1: not JSON; expected \[ or \{/],
  ['an object for a list', list, `{"images": [${good}]}`, /images\[0\]: expected the file to be a list/],
  ['a missing comma', coco, '{"images": []\n"annotations": []}', /line 2: expected a comma/],
  ['an unknown split', karpathy, '{"images": [{"imgid": 1, "filename": "a", "split": "x", "sentences": []}]}', /split/],
  ['a line that is no JSON', lines, `${good}\n{"image"`, /line 2 is not JSON/],
  ['a line without a caption', lines, `${good}\n{"image": "b.jpg"}`, /line 2: expected \{"image"/],
  ['a row that is too short', csv, 'image,caption\na.jpg,"x\ny"\nb.jpg', /line 4: 1 cells; expected 2/],
  ['a quote that never closes', csv, 'image,caption\na.jpg,"x\ny\n', /line 2: a quote opens and never closes/],
  [
    'a quote that closes too late',
    csv,
    `image,caption\na.jpg,"${`${'x'.repeat(1023)}\n`.repeat(2 ** 14 + 100)}`,
    /line 2: a quote .* within 16777216/,
  ],
  ['a quote inside a cell', csv, 'image,caption\na.jpg,x"y"', /line 2: a quote inside the cell/],
  ['text after a quote', csv, 'image,caption\na.jpg,"x"y', /line 2: expected a comma after the closing quote/],
  ['a missing column', csv, 'image,title\n', /line 1: expected a column caption or captions or text; got image, title/],
  ['an empty file', csv, '', /is empty; expected a line of column names/],
  ['a column too many', cc3m, `a\t${url}\nb\tc\t${url}`, /line 2: expected caption<TAB>url, got 3 column/],
  ['columns the other way round', cc3m, `${url}\ta`, /line 1: expected an http\(s\) address of a picture, got "a"/],
])('points at %s', async (_, read, content, message) => {
  await writeFile(file, content)
  await expect(collect(read(file))).rejects.toThrow(DataError)
  await expect(collect(read(file))).rejects.toThrow(message)
  await expect(collect(read(file))).rejects.toThrow(file)
})

it('points at bytes that are not UTF-8', async () => {
  await writeFile(file, Buffer.concat([Buffer.from(`a\t${url}\r\n`), Buffer.from([0xe9, 0x09])]))
  await expect(collect(cc3m(file))).rejects.toThrow(/line 2 is not UTF-8/)
})

it.each<[string, Reader, string, number]>([
  ['lists', list, `[{"caption": "a"},\n${good},\n{"image": "../b", "caption": "c"}]`, 2],
  ['lines', lines, `{}\n${good}\n{"image": "x"`, 2],
  ['CSV', csv, 'image,caption\na.jpg,\na.jpg,a\n', 1],
  ['TSV', cc3m, `caption\turl\na\t${url}\nb\n`, 1],
])('reports and leaves out wrong entries of %s where asked to', async (_, read, content, wrong) => {
  await writeFile(file, content)
  const broken: DataError[] = []
  const records = await collect(read(file, { onBroken: (error) => broken.push(error) }))
  expect(records.map(({ captions }) => captions)).toEqual([['a']])
  expect(broken).toHaveLength(wrong)
})

describe('SBU', () => {
  const [urls, captions] = ['urls', 'captions'].map((name) => fixture(`sbu/SBU_captioned_photo_dataset_${name}.txt`))

  it('wants lists and files of one length', async () => {
    await writeFile(file, `{"image_urls": ["${url}"], "captions": []}`)
    await expect(collect(readSbuJson(file))).rejects.toThrow(/1 image_urls and 0 captions/)
    await writeFile(file, `{"image_urls": ["${url}",\n3], "captions": []}`)
    await expect(collect(readSbuJson(file))).rejects.toThrow(/line 2: image_urls\[1\]: expected a string, got 3/)
    await writeFile(file, 'one line\n')
    await expect(collect(readSbuText(urls!, file))).rejects.toThrow(/urls\.txt, line 2 has no caption/)
    await writeFile(file, `${url}\n`)
    await expect(collect(readSbuText(file, captions!))).rejects.toThrow(/captions\.txt, line 2 has no address/)
  })
})
