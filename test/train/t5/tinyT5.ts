import { Graph } from '../../../src/graph/index.js'
import type { T5Config } from '../../../src/models/t5.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'
import { trainBpe } from '../../../src/text/trainBpe.js'
import { fillInitial } from '../../../src/train/program.js'
import { Random } from '../../../src/train/random/random.js'
import { t5Objective } from '../../../src/train/t5/objective.js'
import type { Stage2T5TrainingConfig } from '../../../src/train/t5/stage2T5Task.js'
import { t5Tokenizer } from '../../../src/train/t5/tokenizer.js'
import { stage2Config } from '../pretrain/tiny.js'

/** A T5 small enough for a test, for the squares of `pretrain/tiny.ts`. */

const texts = ['a red square in the top left', 'a green square in the top right', 'a blue square in the bottom left']
export const corpus = Array.from({ length: 40 }, (_, i) => ({
  source: 'captions' as const,
  text: `${texts[i % 3]!}\n`,
}))
export const tokenizer = Tokenizer.fromJson(
  t5Tokenizer(
    trainBpe(
      corpus.map(({ text }) => text),
      { vocabularySize: 300 },
    ),
  ),
)

export const language: T5Config = {
  vocabularySize: tokenizer.size,
  width: 16,
  encoderLayers: 1,
  decoderLayers: 1,
  heads: 2,
  headSize: 8,
  feedForward: 24,
  relativeBuckets: 8,
  relativeMaxDistance: 16,
  layerNormEpsilon: 1e-6,
  gelu: 'exact',
}

/** Random weights, the same at each call. */
export function tinyT5(): Map<string, Float32Array> {
  const { scope } = t5Objective(new Graph(), language, { batch: 1, inputTokens: 2, outputTokens: 2 })
  return new Map(
    [...scope.specs.values()].map(({ name, shape, initializer }) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
      fillInitial(data, initializer, new Random(4, name))
      return [name, data]
    }),
  )
}

export function tinyStage2T5(steps: number): Stage2T5TrainingConfig {
  const { model, tokens: _, ...stage2 } = stage2Config(steps)
  return { ...stage2, model: { ...model, language }, inputTokens: 12, outputTokens: 14, whole: 0.5 }
}
