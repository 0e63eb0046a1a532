import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readCaptionedImages } from '../../../src/data/captionedImages.js'
import { readAnnotationList } from '../../../src/data/readers/annotationList.js'
import { readCocoRecords } from '../../../src/data/readers/cocoAnnotations.js'
import { readConceptualCaptions } from '../../../src/data/readers/conceptualCaptions.js'
import { readKarpathySplit } from '../../../src/data/readers/karpathySplit.js'
import { readLaionMetadata } from '../../../src/data/readers/laionMetadata.js'
import { readSbuJson, readSbuText } from '../../../src/data/readers/sbuCaptions.js'
import { readVisualGenome } from '../../../src/data/readers/visualGenome.js'
import { collect, fixture } from '../fixture.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-formats-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('reads COCO captions: pictures in the order of the file, joined by id', async () => {
  expect(await readCocoRecords(fixture('coco/captions_train2017.json'), 'train2017')).toEqual([
    { key: '25', image: join('train2017', '000000000025.jpg'), captions: ['A giraffe eats from a tall tree.'] },
    {
      key: '9',
      image: join('train2017', '000000000009.jpg'),
      captions: ['A lunch box with rice and "three" vegetables.', 'Food in a box: [rice, {beans}].'],
    },
  ])
})

it('reads the Karpathy split: train and restval, or those asked for', async () => {
  const file = fixture('coco/dataset_coco.json')
  expect(await collect(readKarpathySplit(file, 'coco'))).toEqual([
    {
      key: '73',
      image: join('coco', 'val2014', 'COCO_val2014_000000000073.jpg'),
      captions: ['A motorcycle by a wall.'],
    },
    { key: '9', image: join('coco', 'train2014', 'COCO_train2014_000000000009.jpg'), captions: ['A box of food.'] },
  ])
  const test = await collect(readKarpathySplit(file, 'coco', { splits: ['test'] }))
  expect(test.map(({ captions }) => captions)).toEqual([['A pair of shoes.', 'Shoes on the floor.']])
})

it('reads Visual Genome: the phrases of all regions, the picture in one of two folders', async () => {
  await cp(fixture('folder/red.jpg'), join(folder, 'VG_100K_2', '3.jpg'))
  expect(await collect(readVisualGenome(fixture('visual-genome/region_descriptions.json'), folder))).toEqual([
    { key: '1', image: join(folder, 'VG_100K', '1.jpg'), captions: ['a green clock on a pole', 'a car is parked'] },
    { key: '3', image: join(folder, 'VG_100K_2', '3.jpg'), captions: ['white paper on the desk'] },
  ])
  const missing = collect(readVisualGenome(fixture('visual-genome/region_descriptions.json'), join(folder, 'none')))
  await expect(missing).rejects.toThrow(/expected VG_100K\/ and VG_100K_2\//)
})

it('reads SBU, as JSON and as a pair of text files', async () => {
  const json = await collect(readSbuJson(fixture('sbu/sbu-captions-all.json')))
  const names = ['urls', 'captions'].map((name) => fixture(`sbu/SBU_captioned_photo_dataset_${name}.txt`))
  expect(json).toEqual([
    {
      key: 'http://static.example/a_1.jpg',
      image: 'http://static.example/a_1.jpg',
      captions: ['A boat on the river behind our house'],
    },
    {
      key: 'http://static.example/b_2.jpg',
      image: 'http://static.example/b_2.jpg',
      captions: ['My cat, asleep: "again"'],
    },
  ])
  expect(await collect(readSbuText(names[0]!, names[1]!))).toEqual(json)
})

it('reads Conceptual Captions 3M and 12M, whose columns are the other way round', async () => {
  const brief = async (format: 'cc3m' | 'cc12m') =>
    (await collect(readConceptualCaptions(fixture(`conceptual/${format}.tsv`), format))).map(({ image, captions }) => [
      image,
      ...captions,
    ])
  expect(await brief('cc3m')).toEqual([
    ['http://pictures.example/house.jpg?w=600', 'a red house by the lake .'],
    ['https://pictures.example/rain.png', 'people walk "in line" , in the rain'],
  ])
  expect(await brief('cc12m')).toEqual([
    ['https://pictures.example/house.jpg', 'The red house of <PERSON>, by the lake'],
    ['http://pictures.example/rain.png', 'Rain in town'],
  ])
})

it('reads LAION metadata; a row without a text is told and left out', async () => {
  const broken: string[] = []
  const onBroken = ({ message }: Error) => broken.push(message)
  const records = await collect(readLaionMetadata(fixture('laion/part-00000.parquet'), { onBroken }))
  expect(records.map(({ image, captions }) => [image, ...captions])).toEqual([
    ['https://shop.example/tea.jpg', 'Green tea, 100 g'],
    ['https://shop.example/cup.jpg', 'Blue cup – handmade'],
  ])
  expect(broken).toEqual([expect.stringMatching(/part-00000\.parquet, row 3: expected a text for URL and TEXT/)])
  await expect(collect(readLaionMetadata(fixture('laion/part-00000.parquet')))).rejects.toThrow(/row 3/)
  await expect(collect(readLaionMetadata(fixture('img2dataset/00000.parquet')))).rejects.toThrow(
    /no column text; it has url, caption, key/,
  )
  await expect(collect(readLaionMetadata(fixture('folder/red.jpg')))).rejects.toThrow(/red\.jpg is no parquet file/)
})

it("reads the authors' lists, with pictures by path or by address and captions best first", async () => {
  expect(await collect(readAnnotationList(fixture('capfilt/ccs_synthetic_filtered.json'), 'images'))).toEqual([
    {
      key: 'http://pictures.example/house.jpg',
      image: 'http://pictures.example/house.jpg',
      captions: ['a red house next to a lake'],
    },
    {
      key: 'cc/00001.jpg',
      image: join('images', 'cc', '00001.jpg'),
      captions: ['a man in the rain', 'rain falls on a street', 'rain'],
    },
  ])
})

it('reads a plain folder with JSONL, CSV or a JSON list', async () => {
  expect(await readCaptionedImages(fixture('folder'))).toEqual([
    { id: 0, path: fixture('folder/red.jpg'), captions: ['a red card', 'a card'] },
    { id: 1, path: fixture('folder/blue.jpg'), captions: ['a blue card'] },
  ])
  await cp(fixture('folder/captions.csv'), join(folder, 'metadata.csv'))
  expect(await readCaptionedImages(folder)).toEqual([
    { id: 0, path: join(folder, 'red.jpg'), captions: ['a red card, "plain"', 'a card\nof two lines'] },
    { id: 1, path: join(folder, 'blue.jpg'), captions: ['a blue card'] },
  ])
  const list = [
    { image: 'red.jpg', caption: 'a red card' },
    { image: 'red.jpg', caption: ['a card', 'red'] },
  ]
  await writeFile(join(folder, 'captions.json'), `\n ${JSON.stringify(list)}`)
  expect(await readCaptionedImages(folder)).toEqual([
    { id: 0, path: join(folder, 'red.jpg'), captions: ['a red card', 'a card', 'red'] },
  ])
  await expect(readCaptionedImages(fixture('sbu'))).rejects.toThrow(/expected captions\.json, captions\.jsonl or/)
})
