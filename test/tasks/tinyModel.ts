import { Tokenizer } from '../../src/text/tokenizer.js'
import { trainBpe } from '../../src/text/trainBpe.js'
import { DECODE_TOKEN, trainWordPiece } from '../../src/text/trainWordPiece.js'
import { partSpecs } from '../../src/train/partSpecs.js'
import { fillInitial } from '../../src/train/program.js'
import { Random } from '../../src/train/random/random.js'
import {
  type ModelConfig,
  type ModelPart,
  type PartWeight,
  writeModelDirectory,
} from '../../src/weights/modelDirectory.js'

export const CAPTIONS = ['octopus', 'red car', 'woman firefighter', "four o'clock", 'hot dog', 'dog face', 'red apple']

/**
 * A model of every part, in sizes that run in milliseconds, with random weights: the same ones at each call.
 * maxPositions: tokens that the language model can read and write, the three of the soft prompt included.
 */
export async function writeTinyModel(
  directory: string,
  parts: readonly ModelPart[] = ['vision', 'stage1', 'stage2', 'language'],
  { maxPositions = 32 } = {},
): Promise<ModelConfig> {
  const qformer = trainWordPiece(CAPTIONS, { vocabularySize: 120, minCount: 1 })
  const language = trainBpe(CAPTIONS, { vocabularySize: 280, minCount: 1 })
  const wordPiece = Tokenizer.fromJson(qformer)
  const config: ModelConfig = {
    format: 'blip2',
    version: 1,
    vision: {
      kind: 'clip',
      imageSize: 16,
      patchSize: 8,
      width: 16,
      layers: 1,
      heads: 2,
      feedForward: 32,
      layerNormEpsilon: 1e-5,
      standardizedFeatures: true,
      featurePlaces: 0.5,
    },
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    qformer: {
      vocabularySize: wordPiece.size,
      width: 16,
      layers: 2,
      heads: 2,
      feedForward: 32,
      maxPositions: 16,
      queries: 3,
      encoderWidth: 16,
      crossAttentionEvery: 2,
      layerNormEpsilon: 1e-12,
    },
    visionLayerNormEpsilon: 1e-5,
    embeddingWidth: 8,
    language: {
      kind: 'opt',
      vocabularySize: Tokenizer.fromJson(language).size,
      width: 16,
      layers: 2,
      heads: 2,
      feedForward: 32,
      maxPositions,
      layerNormEpsilon: 1e-5,
    },
    text: { maxTokens: 10, decoderToken: wordPiece.idOf(DECODE_TOKEN), padToken: wordPiece.paddingId },
    generation: { prompt: '', maxNewTokens: 6, numBeams: 1, lengthPenalty: 1, repetitionPenalty: 1 },
  }
  const specs = partSpecs(config)
  const weights = parts.map((part) => [part, randomWeights(specs[part])] as const)
  await writeModelDirectory(directory, {
    config,
    parts: Object.fromEntries(weights),
    tokenizers: { qformer, language },
    card: '# A tiny random model for tests\n',
  })
  return config
}

function randomWeights(specs: ReturnType<typeof partSpecs>[ModelPart]): Map<string, PartWeight> {
  return new Map(
    [...specs.values()].map(({ name, shape, initializer }) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
      // Wider than training starts, so that different inputs give clearly different outputs.
      const wide = initializer.kind === 'normal' ? { ...initializer, std: 0.4 } : initializer
      fillInitial(data, wide, new Random(7, name))
      return [name, { shape, data }]
    }),
  )
}
