import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CaptionedPictures } from '../src/data/captionedPictures.js'
import { FeatureReader } from '../src/data/featureCache/featureReader.js'
import { writeFeatures } from '../src/data/featureCache/writeFeatures.js'
import { Graph } from '../src/graph/index.js'
import { type ImageEncoderConfig, imageFeatures } from '../src/models/imageEncoder.js'
import { clipVitL, emojiQFormer } from '../src/models/presets.js'
import { type Initializer, Scope } from '../src/nn/scope.js'
import { Tokenizer } from '../src/text/tokenizer.js'
import { type EncoderWeights, FrozenEncoder } from '../src/train/pretrain/frozenEncoder.js'
import { PRETRAIN_PRESETS } from '../src/train/pretrain/presets.js'
import { type Stage1Parts, stage1Task } from '../src/train/pretrain/stage1Task.js'
import { readTokenizers } from '../src/train/recipes/parts.js'
import { heldWeights } from '../src/weights/heldWeights.js'
import { readModelDirectory } from '../src/weights/modelDirectory.js'
import type { Benchmark } from './main.js'
import { randomValues } from './measure.js'

const EMOJI = fileURLToPath(new URL('../../models/emoji', import.meta.url))
const BATCH = 4
const CONFIG: ImageEncoderConfig = { kind: 'clip', ...clipVitL(), standardizedFeatures: false, featurePlaces: 0 }
const VIEWS = { count: 1, seed: 0 }
const IDENTITY = { encoder: '0'.repeat(64), preprocessing: '0'.repeat(64), data: '0'.repeat(64) }

/**
 * A step of stage 1 with the Q-Former of models/emoji on ViT-L/14 (random weights, 257 x 1024 features): with the encoder
 * run at each step, and with its features read from a cache. A minute on two cores.
 */
export const bench: Benchmark = async (note) => {
  const folder = await mkdtemp(join(tmpdir(), 'blip2-bench-features-'))
  try {
    const encoder: EncoderWeights = {
      config: CONFIG,
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
      open: async () => heldWeights(weights()),
    }
    const encodeSeconds = await writeCache(folder, encoder)
    note(`the encoder takes ${(encodeSeconds / BATCH).toFixed(2)} s a picture`)
    await using features = await FeatureReader.open(folder, IDENTITY)
    const { qformer } = await readTokenizers(await readModelDirectory(EMOJI))
    const tokenizer = Tokenizer.fromJson(qformer)
    const parts = { encoder, pictures: noise, tokenizer }
    const cachedSeconds = await stepSeconds({ ...parts, features })
    note(`a step of ${BATCH} pictures from the cache: ${cachedSeconds.toFixed(2)} s`)
    const computedSeconds = await stepSeconds(parts)
    note(`with the encoder: ${computedSeconds.toFixed(2)} s`)
    return {
      batch: BATCH,
      encodeSecondsPerPicture: encodeSeconds / BATCH,
      cachedStepSeconds: cachedSeconds,
      computedStepSeconds: computedSeconds,
      speedUp: computedSeconds / cachedSeconds,
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const noise: CaptionedPictures = {
  length: BATCH,
  picture: (index) => {
    const size = CONFIG.imageSize
    return { rgba: Uint8Array.from({ length: 4 * size * size }, (_, i) => (i * (index + 7)) % 256), size }
  },
  mayMirror: () => true,
  captions: (index) => [`a picture of the number ${index}`],
  imageId: (index) => index,
}

function weights(): Map<string, Float32Array> {
  const p = new Scope(new Graph())
  imageFeatures(p, CONFIG, p.graph.input('images', 'float32', [1, 3, CONFIG.imageSize, CONFIG.imageSize]))
  const filled = [...p.specs.values()].map(({ name, shape, initializer }) => {
    const size = shape.reduce((product, length) => product * length, 1)
    return [name, initial(size, initializer)] as const
  })
  return new Map(filled)
}

function initial(size: number, initializer: Initializer): Float32Array {
  switch (initializer.kind) {
    case 'normal':
      return randomValues(size, Math.sqrt(3) * initializer.std)
    case 'ones':
      return new Float32Array(size).fill(1)
    case 'constant':
      return new Float32Array(size).fill(initializer.value)
    case 'zeros':
      return new Float32Array(size)
  }
}

/** @returns Seconds that the encoder takes for a batch. */
async function writeCache(folder: string, encoder: EncoderWeights): Promise<number> {
  const frozen = await FrozenEncoder.create(encoder, BATCH)
  let seconds = 0
  const { mean, std } = encoder
  const augment = { ...PRETRAIN_PRESETS.emoji.stage1.optimization.augment, size: CONFIG.imageSize, mean, std }
  const encode = async (images: Float32Array) => {
    const start = performance.now()
    const { data } = await frozen.encode(images)
    seconds = (performance.now() - start) / 1000
    return data as Float32Array
  }
  const sizes = { tokens: frozen.tokens, width: CONFIG.width, batch: BATCH }
  await writeFeatures(folder, { pictures: noise, augment, identity: IDENTITY, ...sizes, encode }, { views: VIEWS })
  await frozen.dispose()
  return seconds
}

/** The second step, with what feeds it. */
async function stepSeconds(parts: Stage1Parts): Promise<number> {
  const { optimization } = PRETRAIN_PRESETS['emoji-quick'].stage1
  const model = {
    qformer: emojiQFormer(parts.tokenizer.size, CONFIG.width),
    visionLayerNormEpsilon: 1e-5,
    embeddingWidth: 256,
  }
  const settings = { ...optimization, batch: BATCH, views: VIEWS, model, tokens: 20, dropout: 0 }
  await using task = await stage1Task({ ...settings, itcGradient: 'full' }, parts)
  let seconds = 0
  for (let step = 0; step < 2; step++) {
    const start = performance.now()
    await task.program.run(step, await task.feeds(step))
    seconds = (performance.now() - start) / 1000
  }
  return seconds
}
