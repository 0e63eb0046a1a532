import type { CaptionedPictures } from '../../../src/data/captionedPictures.js'
import { Graph } from '../../../src/graph/index.js'
import type { RgbaPicture } from '../../../src/image/affineSampler.js'
import { type ImageEncoderConfig, imageFeatures } from '../../../src/models/imageEncoder.js'
import { Scope } from '../../../src/nn/scope.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'
import { trainBpe } from '../../../src/text/trainBpe.js'
import { trainWordPiece } from '../../../src/text/trainWordPiece.js'
import { languageObjective } from '../../../src/train/language/objective.js'
import type { OptimizationConfig } from '../../../src/train/pretrain/optimization.js'
import type { Stage1TrainingConfig } from '../../../src/train/pretrain/stage1Task.js'
import type { Stage2TrainingConfig } from '../../../src/train/pretrain/stage2Task.js'
import { fillInitial } from '../../../src/train/program.js'
import { Random } from '../../../src/train/random/random.js'
import { heldWeights } from '../../../src/weights/heldWeights.js'

/** A whole two-stage training small enough for a test: 12 squares of colour in a corner, tiny random frozen models. */

const COLORS = { red: [230, 40, 40], green: [40, 180, 60], blue: [50, 70, 230] } as const
const CORNERS = { 'top left': [0, 0], 'top right': [1, 0], 'bottom left': [0, 1], 'bottom right': [1, 1] } as const
const SIDE = 16

const squares = Object.entries(COLORS).flatMap(([color, rgb]) =>
  Object.entries(CORNERS).map(([corner, [x, y]]) => ({
    caption: `a ${color} square in the ${corner}`,
    rgba: paint(rgb, x * (SIDE / 2), y * (SIDE / 2)),
  })),
)

export const tinyPictures: Omit<CaptionedPictures, 'picture'> & { picture(index: number): RgbaPicture } = {
  length: squares.length,
  picture: (index) => ({ rgba: squares[index]!.rgba, size: SIDE }),
  mayMirror: () => false,
  captions: (index) => [squares[index]!.caption],
  imageId: (index) => index,
}

const captions = squares.map(({ caption }) => caption)
export const wordPiece = Tokenizer.fromJson(trainWordPiece(captions, { vocabularySize: 130 }))
export const bpe = Tokenizer.fromJson(
  trainBpe(
    captions.map((caption) => `${caption}\n`),
    { vocabularySize: 320 },
  ),
)

const vision: ImageEncoderConfig = {
  kind: 'clip',
  imageSize: 16,
  patchSize: 8,
  width: 16,
  layers: 1,
  heads: 2,
  feedForward: 32,
  layerNormEpsilon: 1e-5,
  standardizedFeatures: true,
  featurePlaces: 0,
}

const qformer = {
  vocabularySize: wordPiece.size,
  width: 24,
  layers: 2,
  heads: 2,
  feedForward: 48,
  maxPositions: 32,
  queries: 4,
  encoderWidth: vision.width,
  crossAttentionEvery: 2,
  layerNormEpsilon: 1e-12,
}

const language = {
  vocabularySize: bpe.size,
  width: 16,
  layers: 1,
  heads: 2,
  feedForward: 32,
  maxPositions: 64,
  layerNormEpsilon: 1e-5,
}

const optimization = (steps: number): OptimizationConfig => ({
  batch: 6,
  steps,
  schedule: { peak: 3e-3, minimum: 1e-4, warmupSteps: Math.min(2, steps - 1), totalSteps: steps },
  betas: [0.9, 0.98],
  weightDecay: 0.05,
  clipNorm: 1,
  augment: { area: [0.95, 1.05], rotation: 2, saturation: 0.1, hue: 0 },
  seed: 7,
})

export const stage1Config = (steps: number): Stage1TrainingConfig => ({
  ...optimization(steps),
  model: { qformer, visionLayerNormEpsilon: 1e-5, embeddingWidth: 12 },
  tokens: 12,
  dropout: 0.1,
  itcGradient: 'full',
})

export const stage2Config = (steps: number): Stage2TrainingConfig => ({
  ...optimization(steps),
  model: { qformer, visionLayerNormEpsilon: 1e-5, language },
  tokens: 24,
  dropout: 0.1,
})

/** Weights of a frozen model, random but the same every time. */
function randomWeights(draw: (graph: Graph) => Scope): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>()
  for (const { name, shape, initializer } of draw(new Graph()).specs.values()) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
    fillInitial(data, initializer, new Random(3, name))
    weights.set(name, data)
  }
  return weights
}

export function tinyEncoder() {
  const weights = randomWeights((graph) => {
    const p = new Scope(graph)
    imageFeatures(p, vision, graph.input('images', 'float32', [1, 3, vision.imageSize, vision.imageSize]))
    return p
  })
  return {
    config: vision,
    mean: [0.5, 0.5, 0.5] as const,
    std: [0.25, 0.25, 0.25] as const,
    weights,
    open: async () => heldWeights(weights),
  }
}

export const tinyLanguage = () =>
  randomWeights((graph) => languageObjective(graph, language, { batch: 1, length: 2 }).scope)

function paint([red, green, blue]: readonly [number, number, number], left: number, top: number): Uint8Array {
  const rgba = new Uint8Array(SIDE * SIDE * 4).fill(255)
  for (let y = top; y < top + SIDE / 2; y++)
    for (let x = left; x < left + SIDE / 2; x++) rgba.set([red, green, blue, 255], (y * SIDE + x) * 4)
  return rgba
}
