import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ConfigError, DisposedError, ModelNotFoundError, RuntimeError, WeightsError } from '../../src/errors.js'
import { OnnxEncoder } from '../../src/frozen/onnxEncoder.js'
import { openVisionModel } from '../../src/frozen/visionModel.js'
import { mean } from '../../src/graph/index.js'
import { float32 } from '../../src/runtime/index.js'
import { Random } from '../../src/train/random/random.js'
import { copyOnnx, hashOnnx } from '../../src/weights/onnxPart.js'
import { withTemporaryDirectory } from '../weights/temporary.js'
import { PATCH, WIDTH, writeOnnxEncoder, writePreprocessor } from './onnxFile.js'

const file = withTemporaryDirectory()
const TOKENS = (16 / PATCH) ** 2

function pictures(count: number) {
  const random = new Random(2, 'pictures')
  return float32(
    [count, 3, 16, 16],
    Float32Array.from({ length: count * 3 * 16 ** 2 }, () => random.normal()),
  )
}

async function featuresOf(onnx: string, count: number) {
  const encoder = new OnnxEncoder({ onnx })
  try {
    return (await encoder.run({ images: pictures(count) })).features
  } finally {
    await encoder.dispose()
  }
}

/** An encoder in a directory of its own, with its preprocessor. */
async function write(name: string, options: Parameters<typeof writeOnnxEncoder>[1] = {}, preprocessor: object = {}) {
  const path = await writeOnnxEncoder(file(`${name}/encoder.onnx`), options)
  await writePreprocessor(file(name), preprocessor)
  return path
}

describe('an image encoder as ONNX', () => {
  it('says its sizes when it is opened', async () => {
    const path = await write('plain')
    const { config, weights, directory } = await openVisionModel(path)
    expect(config).toEqual({
      vision: { kind: 'onnx', imageSize: 16, tokens: TOKENS, width: WIDTH },
      mean: [0.4, 0.5, 0.6],
      std: [0.2, 0.25, 0.3],
    })
    expect([weights, directory]).toEqual([{ onnx: path }, undefined])
  })

  it('gives the same for any number of pictures, also where its own number is fixed', async () => {
    const any = await featuresOf(await write('any'), 35)
    expect(any.shape).toEqual([35, TOKENS, WIDTH])
    const fixed = await featuresOf(await write('fixed', { batch: 4 }), 35)
    expect(fixed.shape).toEqual(any.shape)
    any.data.forEach((value, i) => {
      expect(Math.abs(Number(value) - Number(fixed.data[i]))).toBeLessThan(1e-5)
    })
  })

  it('is copied with the files that it reads, and hashed with them', async () => {
    const path = await write('external', { external: 'data/weights.bin' })
    await copyOnnx({ onnx: path }, file('copied/vision/model.onnx'))
    expect(await featuresOf(file('copied/vision/model.onnx'), 2)).toEqual(await featuresOf(path, 2))
    const hash = await hashOnnx({ onnx: path })
    expect(await hashOnnx({ onnx: file('copied/vision/model.onnx') })).toBe(hash)
    await writeFile(file('copied/vision/data/weights.bin'), 'other')
    expect(await hashOnnx({ onnx: file('copied/vision/model.onnx') })).not.toBe(hash)
  })

  it('cannot make a copy of files elsewhere', async () => {
    const path = await write('outside', { external: '../elsewhere.bin' })
    await expect(copyOnnx({ onnx: path }, file('never/model.onnx'))).rejects.toThrow(WeightsError)
    await expect(hashOnnx({ onnx: path })).rejects.toThrow(/expected a file in its own directory/)
  })

  it('runs no more once it is disposed', async () => {
    const encoder = new OnnxEncoder({ onnx: await write('disposed') })
    await encoder.dispose()
    await expect(encoder.run({ images: pictures(1) })).rejects.toThrow(DisposedError)
  })
})

describe('what cannot be an image encoder is refused with its shapes', () => {
  it('where it gives a vector for each picture', async () => {
    const path = await write('vectors', { outputs: (tokens) => ({ vectors: mean(tokens, [1]) }) })
    await expect(openVisionModel(path)).rejects.toThrow(/gives one output.*this gives 'vectors' float32\[batch, 16\]/)
  })

  it('where there are several outputs of tokens', async () => {
    const path = await write('several', { outputs: (tokens) => ({ first: tokens, second: tokens }) })
    await expect(openVisionModel(path)).rejects.toThrow(ConfigError)
    await expect(openVisionModel(path)).rejects.toThrow(/'first' float32\[batch, 16, 16\] and 'second'/)
  })

  it('where nothing says how pictures are prepared, or something else than the file', async () => {
    const path = await writeOnnxEncoder(file('bare/encoder.onnx'))
    await expect(openVisionModel(path)).rejects.toThrow(/expected .*preprocessor_config\.json.*"image_mean"/)
    const other = await write('other', {}, { size: { shortest_edge: 24 }, crop_size: 24 })
    await expect(openVisionModel(other)).rejects.toThrow(/pictures of 16 pixels, its preprocessor_config\.json says 24/)
  })

  it('where there is no file, or none of ONNX', async () => {
    await expect(openVisionModel(file('nothing.onnx'))).rejects.toThrow(ModelNotFoundError)
    await write('broken')
    await writeFile(file('broken/encoder.onnx'), 'no onnx')
    await expect(openVisionModel(file('broken/encoder.onnx'))).rejects.toThrow(RuntimeError)
  })
})
