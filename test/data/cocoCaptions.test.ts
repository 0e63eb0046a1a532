import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readCocoCaptions } from '../../src/data/cocoCaptions.js'
import { DataError } from '../../src/errors.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-coco-'))
  await mkdir(join(folder, 'images'))
  for (const name of ['a.png', 'b.png', 'c.png']) await writeFile(join(folder, 'images', name), '')
})
afterEach(() => rm(folder, { recursive: true }))

const IMAGES = [
  { id: 7, file_name: 'a.png', width: 8, height: 8 },
  { id: 3, file_name: 'b.png' },
  { id: 4, file_name: 'c.png' },
]
const write = (json: unknown) => writeFile(join(folder, 'captions.json'), JSON.stringify(json))

it('joins captions to pictures, in the order of the file', async () => {
  const annotations = [
    { id: 1, image_id: 3, caption: ' a dog ' },
    { id: 2, image_id: 7, caption: 'a cat' },
    { id: 3, image_id: 3, caption: 'an animal' },
    { id: 4, image_id: 4, caption: '  ' },
  ]
  await write({ info: {}, images: IMAGES, annotations })
  expect(await readCocoCaptions(folder)).toEqual([
    { id: 7, path: join(folder, 'images', 'a.png'), captions: ['a cat'] },
    { id: 3, path: join(folder, 'images', 'b.png'), captions: ['a dog', 'an animal'] },
  ])
})

const cat = { image_id: 7, caption: 'a cat' }
it.each<[string, unknown, RegExp]>([
  ['a field is wrong', { images: [{ id: 'x', file_name: 'a' }], annotations: [] }, /line 1: images\[0\]\.id/],
  ['annotations are missing', { images: IMAGES }, /annotations/],
  ['an id is used twice', { images: [...IMAGES, IMAGES[0]], annotations: [cat] }, /two images have the id 7/],
  [
    'a caption has no picture',
    { images: IMAGES, annotations: [{ ...cat, image_id: 9 }] },
    /annotations\[0\] .* image 9, which is not listed/,
  ],
  ['there is no caption', { images: IMAGES, annotations: [] }, /no image has a caption/],
  [
    'a file is missing',
    { images: [{ id: 7, file_name: 'd.png' }], annotations: [cat] },
    /images\/d\.png, which is not/,
  ],
  ['a path leads elsewhere', { images: [{ id: 7, file_name: '../a.png' }], annotations: [cat] }, /without folders/],
])('says that %s', async (_, json, message) => {
  await write(json)
  await expect(readCocoCaptions(folder)).rejects.toThrow(message)
  await expect(readCocoCaptions(folder)).rejects.toBeInstanceOf(DataError)
})

it('says what a folder should hold', async () => {
  await expect(readCocoCaptions(folder)).rejects.toThrow(/captions\.json \(ENOENT\); expected a folder/)
  await writeFile(join(folder, 'captions.json'), '{')
  await expect(readCocoCaptions(folder)).rejects.toThrow(/the file ends here/)
  await write({ images: IMAGES, annotations: [cat] })
  await rm(join(folder, 'images'), { recursive: true })
  await expect(readCocoCaptions(folder)).rejects.toThrow(/no folder images/)
})
