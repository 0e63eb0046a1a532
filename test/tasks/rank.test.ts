import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Blip2, type EncodedImage, rankImages, rankTexts } from '../../src/index.js'
import { cosine } from '../../src/tasks/retriever.js'
import { topK } from '../../src/tasks/topK.js'
import { Random } from '../../src/train/random/random.js'
import { CAPTIONS, writeTinyModel } from './tinyModel.js'

let parent: string
let model: Blip2
let images: EncodedImage[]
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-rank-'))
  await writeTinyModel(join(parent, 'tiny'))
  model = await Blip2.fromPretrained(join(parent, 'tiny'))
  const random = new Random(5, 'pictures')
  const raw = Array.from({ length: 6 }, () => {
    return {
      data: Uint8Array.from({ length: 192 }, () => random.integer(256)),
      width: 8,
      height: 8,
      channels: 3 as const,
    }
  })
  images = await model.encode(raw)
})
afterAll(async () => {
  await model.dispose()
  await rm(parent, { recursive: true })
})

it('orders the k best by cosine by match logit + cosine', async () => {
  const image = images[0]!
  const matches = await model.match(image, CAPTIONS)
  const logits = await model.matchLogits(CAPTIONS.map((text) => [image, text]))
  const candidates = topK(
    matches.map(({ itc }) => itc),
    4,
  )
  const score = (index: number) => logits[index]![1] + matches[index]!.itc
  const ranked = await rankTexts(model, image, CAPTIONS, { k: 4 })
  expect(ranked.map(({ index }) => index)).toEqual([...candidates].sort((a, b) => score(b) - score(a)))
  for (const { index, itm, itc } of ranked) {
    expect(itm).toBeCloseTo(matches[index]!.itm, 5)
    expect(itc).toBeCloseTo(matches[index]!.itc, 5)
  }
})

it('gives the cosine the weight that the model asks for', async () => {
  const weighted = {
    embedImage: model.embedImage.bind(model),
    embedText: model.embedText.bind(model),
    matchLogits: model.matchLogits.bind(model),
    retrievalConfig: { ...model.retrievalConfig, itcWeight: 1e6 },
  }
  const ranked = await rankTexts(weighted, images[0]!, CAPTIONS, { k: 4 })
  const cosines = ranked.map(({ itc }) => itc)
  expect(cosines).toEqual([...cosines].sort((a, b) => b - a))
  expect(ranked.map(({ index }) => index)).not.toEqual(
    (await rankTexts(model, images[0]!, CAPTIONS, { k: 4 })).map(({ index }) => index),
  )
})

it('takes vectors that are known', async () => {
  const [textVectors, imageVectors] = [await model.embedText(CAPTIONS), await model.embedImage(images)]
  expect(await rankTexts(model, images[1]!, CAPTIONS, { textVectors })).toEqual(
    await rankTexts(model, images[1]!, CAPTIONS),
  )
  expect(await rankImages(model, 'octopus', images, { imageVectors })).toEqual(
    await rankImages(model, 'octopus', images),
  )
})

it('finds every picture where k is large enough', async () => {
  const ranked = await rankImages(model, 'octopus', images)
  expect(ranked.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 4, 5])
  const vector = await model.embedText('octopus')
  const first = await model.embedImage(images[ranked[0]!.index]!)
  expect(ranked[0]!.itc).toBeCloseTo(cosine(first, vector), 5)
})
