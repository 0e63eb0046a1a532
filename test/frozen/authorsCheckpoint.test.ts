import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { fillInitial } from '../../src/train/program.js'
import { requireDrawn } from '../../src/models/imageEncoder.js'
import { partSpecs } from '../../src/train/partSpecs.js'
import { Random } from '../../src/train/random/random.js'
import { loadPart, type Weights } from '../../src/train/recipes/parts.js'
import { Blip2 } from '../../src/tasks/blip2.js'
import {
  type ModelConfig,
  type ModelPart,
  readModelDirectory,
  writeModelDirectory,
} from '../../src/weights/modelDirectory.js'
import { runCommand } from '../cli/runCommand.js'
import { picture } from '../tasks/picture.js'
import { writeTinyModel } from '../tasks/tinyModel.js'
import { withTemporaryDirectory } from '../weights/temporary.js'
import { writeCheckpoint } from './checkpointFile.js'
import { writeBert } from './fixtures.js'

const file = withTemporaryDirectory()
const IMAGE = picture(1)

/** The same model as a directory of blip2, whose weights the checkpoints hold. */
let weights: Record<ModelPart, Weights>

beforeAll(async () => {
  await writeBert(file('bert'))
  const tiny = await writeTinyModel(file('tiny'), undefined, { maxPositions: 64 })
  const config: ModelConfig = {
    ...tiny,
    // What the authors' files do not say: 16 heads of EVA's, 12 of BERT's, and the epsilons.
    vision: {
      ...requireDrawn(tiny.vision, 'this test'),
      kind: 'eva',
      width: 32,
      heads: 16,
      layers: 2,
      layerNormEpsilon: 1e-6,
      standardizedFeatures: false,
      featurePlaces: 0,
    },
    qformer: {
      ...tiny.qformer,
      vocabularySize: 120,
      width: 24,
      heads: 12,
      encoderWidth: 32,
      maxPositions: 40,
      layerNormEpsilon: 1e-12,
    },
    mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
    std: [0.268_629_54, 0.261_302_58, 0.275_777_11],
    text: { maxTokens: 32, decoderToken: 119, padToken: 0 },
    generation: { prompt: '', maxNewTokens: 30, numBeams: 5, lengthPenalty: 1, repetitionPenalty: 1 },
  }
  const specs = partSpecs(config)
  const random = (part: ModelPart): Weights =>
    new Map(
      [...specs[part].values()].map(({ name, shape, initializer }) => {
        const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
        fillInitial(
          data,
          initializer.kind === 'normal' ? { ...initializer, std: 0.4 } : initializer,
          new Random(3, name),
        )
        return [name, { shape, data }]
      }),
    )
  const own = await readModelDirectory(file('tiny'))
  const tokenizers = { qformer: await own.readTokenizer('qformer'), language: await own.readTokenizer('language') }
  const parts = {
    vision: random('vision'),
    stage1: random('stage1'),
    stage2: random('stage2'),
    language: random('language'),
  }
  await writeModelDirectory(file('own'), { config, parts, tokenizers, card: '' })
  // Read back, for the values after rounding to half precision.
  const written = await readModelDirectory(file('own'))
  weights = {
    vision: await loadPart(written, 'vision'),
    stage1: await loadPart(written, 'stage1'),
    stage2: await loadPart(written, 'stage2'),
    language: await loadPart(written, 'language'),
  }
  await writeCheckpoint(file('stage1.pth'), weights.stage1)
  await writeCheckpoint(file('stage2.pth'), weights.stage2)
  await writeCheckpoint(file('eva_vit.pth'), encoderAlone(weights.vision))
})

/** The encoder under the names that it has alone, with a third layer and a norm, which do not run. */
function encoderAlone(vision: Weights): Weights {
  const names = [...vision].map(([name, weight]) => [name.replace('visual_encoder.', ''), weight] as const)
  const last = names
    .filter(([name]) => name.startsWith('blocks.1.'))
    .map(([name, weight]) => [name.replace('blocks.1.', 'blocks.2.'), weight] as const)
  return new Map([...names, ...last, ['norm.weight', { shape: [32], data: new Float32Array(32) }]])
}

const models = () => ({ vision: file('eva_vit.pth'), languageModel: file('own') })

describe('a checkpoint of the authors', () => {
  it('of stage 2 captions as the same weights in a directory do', async () => {
    await using expected = await Blip2.fromPretrained(file('own'))
    await using found = await Blip2.fromPretrained(file('stage2.pth'), models())
    expect(found.config).toEqual({
      ...expected.config,
      qformer: { ...expected.config.qformer, vocabularySize: 30_523, maxPositions: 512 },
      text: { ...expected.config.text, decoderToken: 30_522 },
      embeddingWidth: 256,
    })
    expect(await found.caption(IMAGE)).toEqual(await expected.caption(IMAGE))
  })

  it('of stage 1 matches as they do', async () => {
    await using expected = await Blip2.fromPretrained(file('own'))
    await using found = await Blip2.fromPretrained(file('stage1.pth'), {
      vision: file('eva_vit.pth'),
      bert: file('bert'),
    })
    const texts = ['octopus', 'red car']
    const matches = await found.match(IMAGE, texts)
    for (const [i, match] of (await expected.match(IMAGE, texts)).entries()) {
      expect(matches[i]!.itm).toBeCloseTo(match.itm, 5)
      expect(matches[i]!.itc).toBeCloseTo(match.itc, 5)
    }
    await expect(found.caption(IMAGE)).rejects.toThrow(/needs stage2/)
  })

  it('that was fine-tuned brings its image encoder, and may hold the language model', async () => {
    await writeCheckpoint(file('whole.pth'), new Map([...weights.vision, ...weights.stage2, ...weights.language]))
    await using expected = await Blip2.fromPretrained(file('own'))
    await using found = await Blip2.fromPretrained(file('whole.pth'), { languageModel: file('own') })
    expect(found.config.vision).toEqual(expected.config.vision)
    expect(await found.caption(IMAGE)).toEqual(await expected.caption(IMAGE))
  })

  it('opens from the command line', async () => {
    const { data, ...raw } = IMAGE
    await sharp(data, { raw }).toFile(file('picture.png'))
    const flags = ['--vision-model', file('eva_vit.pth'), '--language-model', file('own')]
    const own = await runCommand(['caption', file('picture.png'), '--model', file('own')])
    const found = await runCommand(['caption', file('picture.png'), '--model', file('stage2.pth'), ...flags])
    expect(found).toEqual(own)
    expect(found.code).toBe(0)
  })

  it('is quantised and exported like a directory', async () => {
    const vision = ['--vision-model', file('eva_vit.pth')]
    const cache = ['--cache', file('cache')]
    const found = await runCommand([
      ...['quantize', file('stage2.pth'), file('q-found'), '--no-compare', '--language-model', 'q8'],
      ...[...vision, '--language-model-from', file('own'), ...cache],
    ])
    expect(found).toMatchObject({ code: 0, err: '' })
    await runCommand(['quantize', file('own'), file('q-own'), '--no-compare', '--language-model', 'q8', ...cache])
    for (const part of ['vision', 'stage2', 'language'])
      expect(await readFile(file(`q-found/${part}.safetensors`))).toEqual(
        await readFile(file(`q-own/${part}.safetensors`)),
      )
    const missing = await runCommand(['quantize', file('stage2.pth'), file('q-none'), ...vision])
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('--language-model-from') })
    const exported = await runCommand([
      ...['export', file('stage2.pth'), file('exported'), '--json'],
      ...[...vision, '--language-model', file('own'), ...cache],
    ])
    expect(exported).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(exported.out).parity.prefill.largestDifference).toBeLessThan(1e-3)
  })
})

describe('what does not go together', () => {
  it.each([
    [
      'stage2.pth',
      {},
      /give the image encoder that it was trained with as `vision` \(--vision-model\): eva_vit_g\.pth/,
    ],
    [
      'stage2.pth',
      { vision: 'eva_vit.pth' },
      /give the language model .* as `languageModel` \(--language-model, .*\): facebook\/opt-2\.7b/,
    ],
    ['stage1.pth', { vision: 'eva_vit.pth' }, /give the vocabulary of its Q-Former as `bert` \(--bert\)/],
    ['stage2.pth', { vision: 'tiny', languageModel: 'own' }, /image encoder of width 32, .*tiny has one of 16/],
    ['stage2.pth', { vision: 'eva_vit.pth', languageModel: 'own', bert: 'bert' }, /reads no text; leave `bert` out/],
    ['eva_vit.pth', models, /expected a checkpoint of the authors' BLIP-2/],
    ['own', { languageModel: 'tiny' }, /only a checkpoint of the authors \(\.pth\) takes `languageModel`/],
  ])('is refused: %s with %o', async (model, given, message) => {
    const options =
      typeof given === 'function'
        ? given()
        : Object.fromEntries(Object.entries(given).map(([name, value]) => [name, file(value)]))
    await expect(Blip2.fromPretrained(file(model), options)).rejects.toThrow(message)
  })

  it('lists tensors that are missing or not known', async () => {
    const odd = new Map([...weights.stage2].filter(([name]) => name !== 'opt_proj.bias'))
    odd.set('Qformer.surprise', { shape: [1], data: new Float32Array(1) })
    await writeCheckpoint(file('odd.pth'), odd)
    await expect(Blip2.fromPretrained(file('odd.pth'), models())).rejects.toThrow(
      /missing.*opt_proj\.bias.*unexpected.*Qformer\.surprise/s,
    )
  })
})
