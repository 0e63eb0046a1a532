import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { DisposedError, ImageError, ModelNotFoundError } from '../../src/errors.js'
import { Graph, mean, softmax } from '../../src/graph/index.js'
import { Blip2, type Caption, type EncodedImage, type Match, type MatchLogits, type RawImage } from '../../src/index.js'
import {
  encodeText,
  imageEmbedding,
  joint,
  matchHead,
  queryImage,
  textEmbedding,
  visionNorm,
} from '../../src/models/blip2.js'
import { Scope } from '../../src/nn/scope.js'
import { CompiledFunction, float32, int64 } from '../../src/runtime/index.js'
import { cleanCaption } from '../../src/text/captionCleaning.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import type { TokenizerJson } from '../../src/text/tokenizerJson.js'
import { partSpecs } from '../../src/train/partSpecs.js'
import { maxOverQueries } from '../../src/train/objectives/itc.js'
import { heldWeights } from '../../src/weights/heldWeights.js'
import { readModelDirectory } from '../../src/weights/modelDirectory.js'
import { picture, pictures } from './picture.js'
import { CAPTIONS, writeTinyModel } from './tinyModel.js'

let parent: string
let path: string
let model: Blip2
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-tasks-'))
  path = join(parent, 'tiny')
  await writeTinyModel(path)
  model = await Blip2.fromPretrained(path)
})
afterAll(async () => {
  await model.dispose()
  await rm(parent, { recursive: true })
})

const expectClose = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++) expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(1e-5)
}

describe('caption', () => {
  it('gives one caption for a picture and an array for an array, by type too', async () => {
    const one = model.caption(picture(1))
    const many = model.caption([picture(1), picture(2)])
    expectTypeOf(one).toEqualTypeOf<Promise<Caption>>()
    expectTypeOf(many).toEqualTypeOf<Promise<Caption[]>>()
    expect((await many)[0]).toEqual(await one)
    expect(await model.caption([])).toEqual([])
  })

  it.each([1, 3])('captions many pictures as it captions each, with %d beams', async (numBeams) => {
    const all = pictures(19)
    const together = await model.caption(all, { numBeams })
    const alone: Caption[] = []
    for (const image of all) alone.push(await model.caption(image, { numBeams }))
    expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text))
    expect(new Set(together.map(({ text }) => text)).size).toBeGreaterThan(3)
  })

  it('follows its options', async () => {
    const short = await model.caption(pictures(4), { maxNewTokens: 2, minNewTokens: 2 })
    for (const { finishReason } of short) expect(['stop', 'length']).toContain(finishReason)
    await expect(model.caption(picture(1), { maxNewTokens: 99 })).rejects.toThrow(/at most 28 fit/)
    await expect(model.caption(picture(1), { numBeams: 0 })).rejects.toThrow(/numBeams/)
  })
})

describe('match and embeddings', () => {
  it('give the scores of the formulas of stage 1', async () => {
    const images = pictures(3)
    const texts = CAPTIONS.slice(0, 4)
    const expected = await referenceScores(images, texts)
    const matches = await model.match(images, texts)
    expectTypeOf(matches).toEqualTypeOf<Match[][]>()
    matches.forEach((row, i) => {
      row.forEach(({ itm, itc }, t) => {
        expect(itm).toBeCloseTo(expected.itm[i * texts.length + t]!, 5)
        expect(itc).toBeCloseTo(expected.itc[i * texts.length + t]!, 5)
      })
    })
    expect(await model.match(images[0]!, texts)).toHaveLength(4)
    expectTypeOf(model.match(images[0]!, texts)).toEqualTypeOf<Promise<Match[]>>()
  })

  it('give unit vectors: one a query for a picture, one for a text', async () => {
    const image = await model.embedImage(picture(1))
    expect(image).toHaveLength(3 * 8)
    for (let query = 0; query < 3; query++)
      expect(Math.hypot(...image.subarray(query * 8, query * 8 + 8))).toBeCloseTo(1, 5)
    const text = await model.embedText('red car')
    expect(Math.hypot(...text)).toBeCloseTo(1, 5)
    expectTypeOf(await model.embedText(['a', 'b'])).toEqualTypeOf<Float32Array[]>()
    expectTypeOf(await model.embedImage([picture(1)])).toEqualTypeOf<Float32Array[]>()
  })

  it('are the same for a batch as for each', async () => {
    const images = pictures(35)
    const texts = Array.from({ length: 35 }, (_, i) => CAPTIONS[i % CAPTIONS.length]!)
    const [imageVectors, textVectors] = [await model.embedImage(images), await model.embedText(texts)]
    for (const i of [0, 31, 34]) {
      expectClose(imageVectors[i]!, await model.embedImage(images[i]!))
      expectClose(textVectors[i]!, await model.embedText(texts[i]!))
    }
  })

  it('see a caption as the cleaner leaves it', async () => {
    expectClose(await model.embedText('Red  CAR!'), await model.embedText('red car'))
  })

  it('give the raw logit of pairs', async () => {
    const [a, b] = await model.encode(pictures(2))
    const [[first], [second]] = [await model.match(a!, ['octopus']), await model.match(b!, ['octopus'])]
    const logits = await model.matchLogits([
      [b!, 'octopus'],
      [a!, 'octopus'],
    ])
    expect(logits).toHaveLength(2)
    const probability = ([no, yes]: MatchLogits) => Math.exp(yes) / (Math.exp(no) + Math.exp(yes))
    expect(probability(logits[0]!)).toBeCloseTo(second!.itm, 5)
    expect(probability(logits[1]!)).toBeCloseTo(first!.itm, 5)
    expect(await model.matchLogits([])).toEqual([])
  })
})

describe('multimodal embeddings', () => {
  it('are what the match head reads', async () => {
    const stage1 = await stage1Weights()
    const [weight, bias] = [stage1.get('itm_head.weight')!, stage1.get('itm_head.bias')!]
    const queries = await model.embedMultimodal(picture(1), 'octopus')
    expect(queries).toHaveLength(3 * 16)
    const logit = (label: number) =>
      bias[label]! + queries.reduce((sum, value, i) => sum + (value * weight[label * 16 + (i % 16)]!) / 3, 0)
    const [logits] = await model.matchLogits([[await model.encode(picture(1)), 'octopus']])
    expect(logits![0]).toBeCloseTo(logit(0), 4)
    expect(logits![1]).toBeCloseTo(logit(1), 4)
  })

  it('go with one text, one picture, or item by item', async () => {
    const images = pictures(2)
    const texts = ['octopus', 'red car']
    const each = await model.embedMultimodal(images, texts)
    expectTypeOf(each).toEqualTypeOf<Float32Array[]>()
    expectClose(each[1]!, await model.embedMultimodal(images[1]!, 'red car'))
    expectClose((await model.embedMultimodal(images, 'octopus'))[0]!, each[0]!)
    expectClose((await model.embedMultimodal(images[1]!, texts))[1]!, each[1]!)
    await expect(model.embedMultimodal(images, ['octopus'])).rejects.toThrow(/2 pictures and 1 texts/)
  })
})

describe('pictures', () => {
  it('may be encoded once and used many times', async () => {
    const encoded = await model.encode(picture(5))
    expectTypeOf(encoded).toEqualTypeOf<EncodedImage>()
    expect(encoded.features).toHaveLength(5 * 16)
    expect(await model.caption(encoded)).toEqual(await model.caption(picture(5)))
    const [first, second] = await model.embedImage([picture(4), encoded])
    expectClose(second!, await model.embedImage(picture(5)))
    expect(first).not.toEqual(second)
  })

  it('may be files, addresses, bytes and raw pixels', async () => {
    const raw = picture(6)
    const png = await sharp(raw.data, { raw: { width: 20, height: 20, channels: 3 } })
      .png()
      .toBuffer()
    const expected = await model.embedImage(raw)
    const file = join(parent, 'picture.png')
    await writeFile(file, png)
    const rgba = new Uint8Array(20 * 20 * 4).fill(255)
    for (let i = 0; i < 400; i++) rgba.set(raw.data.subarray(i * 3, i * 3 + 3), i * 4)
    for (const same of [
      png,
      new Uint8Array(png),
      new Blob([new Uint8Array(png)]),
      file,
      pathToFileURL(file),
      { ...raw, data: rgba, channels: 4 as const },
    ])
      expectClose(await model.embedImage(same), expected)
  })

  it('that cannot be read are an ImageError, and the model goes on', async () => {
    await expect(model.caption(Buffer.from('nothing'))).rejects.toBeInstanceOf(ImageError)
    await expect(model.caption(picture(1))).resolves.toBeDefined()
  })
})

it('runs overlapping calls one after another', async () => {
  const alone = await model.caption(picture(1))
  const [first, match, second] = await Promise.all([
    model.caption(picture(1)),
    model.match(picture(2), ['octopus']),
    model.caption(picture(3), { numBeams: 3 }),
  ])
  expect(first).toEqual(alone)
  expect(match).toHaveLength(1)
  expect(second.text).toBe((await model.caption(picture(3), { numBeams: 3 })).text)
})

it('stops when it is told to', async () => {
  const aborted = expect.objectContaining({ name: 'AbortError' })
  const signal = AbortSignal.abort()
  await expect(model.caption(picture(1), { signal })).rejects.toEqual(aborted)
  await expect(model.embedText('a', { signal })).rejects.toEqual(aborted)
  await expect(Blip2.fromPretrained(path, { signal })).rejects.toEqual(aborted)
})

describe('a model with one stage', () => {
  it('says which stage a task needs', async () => {
    const first = join(parent, 'first')
    await writeTinyModel(first, ['vision', 'stage1'])
    await using matcher = await Blip2.fromPretrained(first)
    await expect(matcher.match(picture(1), ['octopus'])).resolves.toHaveLength(1)
    for (const task of [
      matcher.caption(picture(1)),
      matcher.ask(picture(1), 'a'),
      matcher.chat(picture(1), [{ role: 'user', content: 'a' }]),
      matcher.caption.stream(picture(1)).next(),
    ])
      await expect(task).rejects.toBeInstanceOf(ModelNotFoundError)
    await expect(matcher.caption(picture(1))).rejects.toThrow(
      /stage2\.safetensors and language\.safetensors.*pretrain stage2/,
    )

    const second = join(parent, 'second')
    await writeTinyModel(second, ['vision', 'stage2', 'language'])
    await using captioner = await Blip2.fromPretrained(second)
    await expect(captioner.caption(picture(1))).resolves.toBeDefined()
    await expect(captioner.embedText('a')).rejects.toThrow(/stage1\.safetensors.*pretrain stage1/)
    await expect(captioner.match(picture(1), ['a'])).rejects.toBeInstanceOf(ModelNotFoundError)
    await expect(captioner.embedMultimodal(picture(1), 'a')).rejects.toBeInstanceOf(ModelNotFoundError)
    await expect(captioner.attention(picture(1), 'a')).rejects.toBeInstanceOf(ModelNotFoundError)
    await expect(captioner.attention(picture(1))).resolves.toMatchObject({ queries: 3 })
  })

  it('without an encoder does not open', async () => {
    const blind = join(parent, 'blind')
    await writeTinyModel(blind, ['stage1'])
    await expect(Blip2.fromPretrained(blind)).rejects.toThrow(/vision\.safetensors/)
  })
})

it('throws after it was disposed, and lets calls under way end', async () => {
  const other = await Blip2.fromPretrained(path)
  const order: string[] = []
  const running = other.caption(picture(1)).then(() => order.push('caption'))
  void other.dispose().then(() => order.push('first'))
  await other.dispose()
  expect(order).toEqual(['caption', 'first'])
  await running
  await expect(other.caption(picture(1))).rejects.toBeInstanceOf(DisposedError)
  await other.dispose()
})

async function stage1Weights(): Promise<Map<string, Float32Array>> {
  const directory = await readModelDirectory(path)
  return directory.load('stage1', partSpecs(directory.config).stage1)
}

/** Scores from one graph over all pairs, without batches. */
async function referenceScores(images: readonly RawImage[], texts: readonly string[]) {
  const directory = await readModelDirectory(path)
  const { config } = directory
  const stage1 = await stage1Weights()
  const tokenizer = Tokenizer.fromJson((await directory.readTokenizer('qformer')) as TokenizerJson)
  const encoded = await model.encode(images)
  const { ids, mask, shape } = tokenizer.encodeBatch(
    texts.map((text) => cleanCaption(text)),
    { padTo: 'longest', maxLength: config.text.maxTokens },
  )
  const graph = new Graph()
  const p = new Scope(graph)
  const features = graph.input('features', 'float32', [images.length, 5, 16])
  const [idInput, maskInput] = [graph.input('ids', 'int64', shape), graph.input('mask', 'int64', shape)]
  const image = visionNorm(p, config, features)
  const imageVectors = imageEmbedding(p, config, queryImage(p, config, image).output)
  const textVectors = textEmbedding(p, config, encodeText(p, config, idInput, maskInput))
  const itc = maxOverQueries(imageVectors, textVectors)
  const compiled = await CompiledFunction.create(graph, { itc }, heldWeights(stage1))
  const found = { itc: [] as number[], itm: [] as number[] }
  const all = new Float32Array(images.length * 80)
  encoded.forEach(({ features: own }, i) => {
    all.set(own, i * 80)
  })
  const feeds = { features: float32([images.length, 5, 16], all), ids: int64(shape, ids), mask: int64(shape, mask) }
  found.itc = Array.from((await compiled.run(feeds)).itc.data as Float32Array)
  await compiled.dispose()

  const pairGraph = new Graph()
  const q = new Scope(pairGraph)
  const one = visionNorm(q, config, pairGraph.input('features', 'float32', [1, 5, 16]))
  const [oneIds, oneMask] = [
    pairGraph.input('ids', 'int64', [1, shape[1]]),
    pairGraph.input('mask', 'int64', [1, shape[1]]),
  ]
  const probability = softmax(mean(matchHead(q, joint(q, config, one, oneIds, oneMask)), [1]))
  const pair = await CompiledFunction.create(pairGraph, { probability }, heldWeights(stage1))
  for (const { features: own } of encoded)
    for (let t = 0; t < texts.length; t++) {
      const row = [t * shape[1], (t + 1) * shape[1]] as const
      const result = await pair.run({
        features: float32([1, 5, 16], own),
        ids: int64([1, shape[1]], ids.slice(...row)),
        mask: int64([1, shape[1]], mask.slice(...row)),
      })
      found.itm.push((result.probability.data as Float32Array)[1]!)
    }
  await pair.dispose()
  return found
}
