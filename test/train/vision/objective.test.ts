import { describe, expect, it } from 'vitest'
import { Graph } from '../../../src/graph/index.js'
import type { ClipVitConfig } from '../../../src/models/vit.js'
import { standardizedUnits, VISION_HEAD, VISION_TARGETS, visionObjective } from '../../../src/train/vision/objective.js'
import { randomArray } from '../../graph/randomArray.js'
import { randomWeights } from '../../models/randomWeights.js'
import { interpret } from '../../reference/interpret.js'
import type { NdArray } from '../../reference/ndarray.js'

const row = ({ shape, data }: NdArray, i: number): number[] => [...data.slice(i * shape[1]!, (i + 1) * shape[1]!)]
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const unit = (a: readonly number[]): number[] => a.map((x) => x / Math.sqrt(dot(a, a)))
const meanOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
const logSumExp = (values: readonly number[]): number => Math.log(values.reduce((sum, x) => sum + Math.exp(x), 0))

describe('standardizedUnits', () => {
  it('gives each value mean 0 and variance 1 over the batch, then each row length 1', () => {
    const [rows, width] = [5, 4]
    const x = randomArray([rows, width], 1, { from: -2, to: 3 })
    const graph = new Graph()
    const [found] = interpret([standardizedUnits(graph.input('x', 'float32', [rows, width]))], { x })
    const columns = Array.from({ length: width }, (_, k) => Array.from({ length: rows }, (_, i) => row(x, i)[k]!))
    const statistics = columns.map((column) => {
      const mean = meanOf(column)
      return { mean, std: Math.sqrt(meanOf(column.map((value) => (value - mean) ** 2)) + 1e-5) }
    })
    for (let i = 0; i < rows; i++) {
      const expected = unit(row(x, i).map((value, k) => (value - statistics[k]!.mean) / statistics[k]!.std))
      row(found!, i).forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k]!, 9)
      })
    }
  })

  it('takes away what all rows share', () => {
    const [rows, width] = [4, 3]
    const x = randomArray([rows, width], 2)
    const shifted = { shape: x.shape, data: x.data.map((value, i) => value + 100 * (i % width)) }
    const output = standardizedUnits(new Graph().input('x', 'float32', [rows, width]))
    const [plain, moved] = [interpret([output], { x })[0]!, interpret([output], { x: shifted })[0]!]
    moved.data.forEach((value, i) => {
      expect(value).toBeCloseTo(plain.data[i]!, 9)
    })
  })
})

const BATCH = 8
const SCALE = 5
const SMOOTHING = 0.1
const WEIGHTS = { pairs: 1, concepts: 0.5, groups: 0.25, tones: 0.125 }
const CLASS_TOKEN = 0.5
const CLASSES = { concepts: 5, groups: 3, tones: 2 }
const config: ClipVitConfig = {
  imageSize: 8,
  patchSize: 4,
  width: 8,
  layers: 1,
  heads: 2,
  feedForward: 16,
  layerNormEpsilon: 1e-5,
}
// Rows 0 and 2 show one concept in two skin tones, so 2 and 6 must not be negatives of row 0; 4 is its partner.
const LABELS = {
  concepts: [0, 1, 0, 2, 0, 1, 0, 2],
  groups: [0, 1, 0, 2, 0, 1, 0, 2],
  tones: [0, 0, 1, 0, 0, 0, 1, 0],
}

function objective() {
  const graph = new Graph()
  const options = {
    batch: BATCH,
    classes: CLASSES,
    weights: WEIGHTS,
    classToken: CLASS_TOKEN,
    scale: SCALE,
    labelSmoothing: SMOOTHING,
  }
  const { scope, loss, terms, vectors } = visionObjective(graph, config, options)
  const weights = randomWeights(scope.specs)
  const labels = VISION_TARGETS.map((target) => [
    target,
    { shape: [BATCH], data: Float64Array.from(LABELS[target]) } satisfies NdArray,
  ])
  const feeds = { ...weights, ...Object.fromEntries(labels), images: randomArray([BATCH, 3, 8, 8], 9) }
  const names = Object.keys(terms)
  const [lossValue, vectorValues, ...values] = interpret([loss, vectors, ...Object.values(terms)], feeds)
  const scalars = Object.fromEntries(names.map((name, i) => [name, values[i]!.data[0]!]))
  return { loss: lossValue!.data[0]!, terms: scalars, vectors: vectorValues!, weights }
}

describe('the objective of the image encoder', () => {
  const { loss, terms, vectors, weights } = objective()

  it('finds the other drawing among drawings of other concepts only', () => {
    const losses = Array.from({ length: BATCH }, (_, i) => {
      const partner = (i + BATCH / 2) % BATCH
      const similarity = (j: number) => SCALE * dot(row(vectors, i), row(vectors, j))
      const negatives = Array.from({ length: BATCH }, (_, j) => j).filter(
        (j) => LABELS.concepts[j] !== LABELS.concepts[i],
      )
      return logSumExp([partner, ...negatives].map(similarity)) - similarity(partner)
    })
    expect(terms['pairs']).toBeCloseTo(meanOf(losses), 9)
  })

  it.each(VISION_TARGETS)('tells %s by the cosine with a learned centre, with smoothed labels', (target) => {
    const centres = weights[`${VISION_HEAD}.placed.${target}.weight`]!
    const count = CLASSES[target]
    const losses = Array.from({ length: BATCH }, (_, i) => {
      const logits = Array.from({ length: count }, (_, c) => SCALE * dot(row(vectors, i), unit(row(centres, c))))
      const logProbabilities = logits.map((logit) => logit - logSumExp(logits))
      return -(1 - SMOOTHING) * logProbabilities[LABELS[target][i]!]! - SMOOTHING * meanOf(logProbabilities)
    })
    expect(terms[target]).toBeCloseTo(meanOf(losses), 9)
  })

  it('is the weighted sum of its terms', () => {
    const part = (prefix: string) =>
      Object.entries(WEIGHTS).reduce((sum, [name, weight]) => sum + weight * terms[prefix + name]!, 0)
    expect(loss).toBeCloseTo(part('') + CLASS_TOKEN * part('class_'), 9)
  })
})
