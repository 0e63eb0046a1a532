import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { generate } from '../../src/generate/generate.js'
import { naiveDecoder } from '../../src/generate/naive.js'
import { OptGenerator } from '../../src/generate/optDecoder.js'
import type { GenerationOptions } from '../../src/generate/options.js'
import { Graph } from '../../src/graph/index.js'
import { type OptConfig, optDecode, optEmbed } from '../../src/models/opt.js'
import { onesLike } from '../../src/nn/attention.js'
import { Scope } from '../../src/nn/scope.js'
import { float32 } from '../../src/runtime/index.js'
import { embeddedWeights } from '../../src/tasks/embeddedWeights.js'
import { fillNormal } from '../../src/train/random/initializers.js'
import { Random } from '../../src/train/random/random.js'

const CONFIG: OptConfig = {
  vocabularySize: 23,
  width: 16,
  layers: 2,
  heads: 2,
  feedForward: 32,
  maxPositions: 24,
  layerNormEpsilon: 1e-5,
}

const weights = randomWeights()
const options = { weight: embeddedWeights(weights) }
const generator = new OptGenerator(CONFIG, options)
afterAll(() => generator.dispose())

const SETTINGS: GenerationOptions = {
  numBeams: 1,
  maxNewTokens: 10,
  minNewTokens: 0,
  lengthPenalty: 1,
  repetitionPenalty: 1,
  endTokens: [5],
}

describe.each([1, 2, 4])('%d beams', (numBeams) => {
  it.each([
    ['a begin token', [2]],
    ['a text prompt', [2, 7, 9]],
  ])('gives the same texts with a cache as without, after %s', async (_, ids) => {
    const prompt = softPrompts(5)
    const settings = { ...SETTINGS, numBeams }
    const cached = await generate(generator.decode(prompt, ids, 10), settings)
    const naive = await generate(naiveDecoder(CONFIG, options, prompt, ids), settings)
    expect(cached.map((text) => text.ids)).toEqual(naive.map((text) => text.ids))
    expect(cached.map((text) => text.finishReason)).toEqual(naive.map((text) => text.finishReason))
    cached.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(naive[i]!.score, 4)
    })
    expect(new Set(cached.map((text) => text.ids.join())).size).toBeGreaterThan(1)
  })

  it('gives a row the same text alone as among others', async () => {
    const prompt = softPrompts(4)
    const settings = { ...SETTINGS, numBeams }
    const together = await generate(generator.decode(prompt, [2], 10), settings)
    for (let row = 0; row < 4; row++) {
      const own = float32([1, 3, 16], (prompt.data as Float32Array).slice(row * 48, (row + 1) * 48))
      const [alone] = await generate(generator.decode(own, [2], 10), settings)
      expect(alone!.ids).toEqual(together[row]!.ids)
    }
  })
})

it('says how many tokens fit behind the prompt', () => {
  expect(() => generator.decode(softPrompts(1), [2], 21)).toThrow(ConfigError)
  expect(() => generator.decode(softPrompts(1), [2], 21)).toThrow(/at most 20 fit/)
})

function softPrompts(rows: number) {
  const data = new Float32Array(rows * 3 * 16)
  fillNormal(new Random(11, 'prompt'), data, 1)
  return float32([rows, 3, 16], data)
}

function randomWeights(): Map<string, Float32Array> {
  const graph = new Graph()
  const p = new Scope(graph).in('opt_model')
  optDecode(p, CONFIG, optEmbed(p, CONFIG, graph.input('ids', 'int64', [1, 2])), onesLike(graph, [1, 2]))
  return new Map(
    [...p.specs.values()].map(({ name, shape, initializer }) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
      if (initializer.kind === 'normal') fillNormal(new Random(3, name), data, 0.5)
      else if (initializer.kind === 'ones') data.fill(1)
      return [name, data]
    }),
  )
}
