import { afterEach, describe, expect, it } from 'vitest'
import { NonFiniteError, WeightsError } from '../../src/errors.js'
import {
  backward,
  crossEntropyRows,
  embedding,
  Graph,
  matmul,
  mean,
  mul,
  sub,
  type Tensor,
} from '../../src/graph/index.js'
import { DropoutSites } from '../../src/nn/dropout.js'
import { linear } from '../../src/nn/layers.js'
import { normal, Scope } from '../../src/nn/scope.js'
import { float32, int64, type Value } from '../../src/runtime/index.js'
import { AdamW } from '../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../src/train/optimizer/parameterGroups.js'
import { type ProgramOptions, restore, TrainingProgram } from '../../src/train/program.js'
import { Random } from '../../src/train/random/random.js'
import { interpret } from '../reference/interpret.js'

const programs: TrainingProgram[] = []
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.dispose()))
})

async function create(options: ProgramOptions): Promise<TrainingProgram> {
  const program = await TrainingProgram.create(options)
  programs.push(program)
  return program
}

function randomInput(shape: readonly number[], stream: string): Value<'float32'> {
  const random = new Random(1, stream)
  const size = shape.reduce((product, length) => product * length, 1)
  return float32(
    shape,
    Float32Array.from({ length: size }, () => random.normal()),
  )
}

const toFloat64 = (shape: readonly number[], data: Float32Array) => ({ shape, data: Float64Array.from(data) })

/** The mean square of a linear layer's output. x: [4, 3] */
function linearModel(dropoutProbability = 0) {
  const graph = new Graph()
  const scope = new Scope(graph)
  const dropout = new DropoutSites(dropoutProbability)
  const y = dropout.apply(linear(scope.in('layer'), graph.input('x', 'float32', [4, 3]), 5))
  return { graph, specs: scope.specs, loss: mean(mul(y, y)), y, dropout }
}

describe('gradients', () => {
  it('arrive in the memory of the optimiser, as the float64 reference computes them', async () => {
    const x = randomInput([4, 3], 'x')
    const program = await create({ ...linearModel(), seed: 1 })
    const { loss } = await program.run(0, { x })

    const reference = linearModel()
    const feeds = Object.fromEntries(
      program.memory.parameters.map(({ name, shape, value }) => [name, toFloat64(shape, value)]),
    )
    const wrt = program.memory.parameters.map(({ name }) => reference.graph.parameters.get(name)!)
    const dense = [...backward(reference.loss, wrt).values()].map((gradient) => gradient.dense!)
    const [expectedLoss, ...expected] = interpret([reference.loss, ...dense], {
      ...feeds,
      x: toFloat64(x.shape, x.data),
    })
    expect(loss).toBeCloseTo(expectedLoss!.data[0]!, 5)
    for (const [i, { name, gradient }] of program.memory.parameters.entries())
      gradient.forEach((value, k) => {
        expect(value, `${name} at ${k}`).toBeCloseTo(expected[i]!.data[k]!, 5)
      })
  })

  it('are none for frozen weights, which the memory does not hold', async () => {
    const frozen = new Map([['layer.weight', new Float32Array(15).fill(0.5)]])
    const program = await create({ ...linearModel(), frozen, seed: 1 })
    expect(program.memory.parameters.map(({ name }) => name)).toEqual(['layer.bias'])
    const { loss } = await program.run(0, { x: float32([4, 3], new Float32Array(12).fill(2)) })
    expect(loss).toBeCloseTo(3 ** 2, 6)
  })

  it('refuses frozen weights that the model does not have, or has in another size', async () => {
    const of = (name: string, size: number) =>
      TrainingProgram.create({ ...linearModel(), frozen: new Map([[name, new Float32Array(size)]]), seed: 1 })
    await expect(of('other', 1)).rejects.toThrow(WeightsError)
    await expect(of('layer.weight', 14)).rejects.toThrow("'layer.weight' has 14 values, the model needs 15")
  })
})

describe('initial weights', () => {
  it('depend on the seed and the name alone', async () => {
    const values = async (seed: number) => {
      const { memory } = await create({ ...linearModel(), seed })
      return [...memory.value('layer.weight')]
    }
    expect(await values(1)).toEqual(await values(1))
    expect(await values(1)).not.toEqual(await values(2))
  })

  it('are replaced by loaded ones of the same size', async () => {
    const { memory } = await create({ ...linearModel(), seed: 1 })
    restore(memory, new Map([['layer.bias', Float32Array.of(1, 2, 3, 4, 5)]]))
    expect([...memory.value('layer.bias')]).toEqual([1, 2, 3, 4, 5])
    expect(() => restore(memory, new Map([['layer.bias', new Float32Array(4)]]))).toThrow(/has 4 values.*needs 5/)
  })
})

const ENTRIES = 6
const WIDTH = 4
// An id that comes twice in a batch, rows that rest for a step, and one that is never used.
const BATCHES = [
  [0, 1, 1],
  [2, 0, 3],
  [4, 4, 4],
  [1, 2, 0],
]

/** Predicts a label from an embedding, with the table looked up or as the product with one-hot rows. */
function tableModel(lookup: 'rows' | 'dense', head: 'tied' | 'own') {
  const graph = new Graph()
  const scope = new Scope(graph)
  const table = scope.parameter('table', [ENTRIES, WIDTH], normal(0.5))
  const vectors =
    lookup === 'rows'
      ? embedding(table, graph.input('ids', 'int64', [3]))
      : matmul(graph.input('one_hot', 'float32', [3, ENTRIES]), table)
  const output = head === 'tied' ? table : scope.parameter('head', [ENTRIES, WIDTH], normal(0.5))
  const logits = matmul(vectors, output, { transposeB: true })
  return { graph, specs: scope.specs, loss: mean(crossEntropyRows(logits, graph.input('labels', 'int64', [3]))) }
}

const oneHot = (ids: readonly number[]) =>
  float32(
    [3, ENTRIES],
    Float32Array.from({ length: 3 * ENTRIES }, (_, i) => (ids[Math.floor(i / ENTRIES)] === i % ENTRIES ? 1 : 0)),
  )

/** The tables after a few steps of AdamW. */
async function trainTable(lookup: 'rows' | 'dense', head: 'tied' | 'own') {
  const program = await create({ ...tableModel(lookup, head), seed: 3 })
  const { memory } = program
  const adamw = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  for (const [step, ids] of BATCHES.entries()) {
    const feeds = {
      labels: int64(
        [3],
        ids.map((id) => (id + 1) % ENTRIES),
      ),
    }
    await program.run(step, { ...feeds, ...(lookup === 'rows' ? { ids: int64([3], ids) } : { one_hot: oneHot(ids) }) })
    adamw.step({ lr: 0.1 })
  }
  return memory.parameters
}

describe('an embedding table', () => {
  it.each(['own', 'tied'] as const)('moves as if its gradient were dense (%s head)', async (head) => {
    const [rows, dense] = [await trainTable('rows', head), await trainTable('dense', head)]
    expect(rows.map(({ name }) => name)).toEqual(dense.map(({ name }) => name))
    for (const [i, { name, value, gradient }] of rows.entries()) {
      value.forEach((x, k) => {
        expect(x, `${name} at ${k}`).toBeCloseTo(dense[i]!.value[k]!, 5)
      })
      gradient.forEach((x, k) => {
        expect(x, `gradient of ${name} at ${k}`).toBeCloseTo(dense[i]!.gradient[k]!, 5)
      })
    }
  })
})

describe('dropout', () => {
  const x = float32([4, 3], new Float32Array(12).fill(1))

  it('drops by masks of the step, the same at each run of it', async () => {
    const model = linearModel(0.5)
    const program = await create({ ...model, seed: 1 })
    const lossOf = async (step: number) => (await program.run(step, { x }))['loss']!
    const [first, second] = [await lossOf(0), await lossOf(1)]
    expect(second).not.toBe(first)
    expect(await lossOf(0)).toBe(first)
  })

  it('scales what it keeps, so that the mean stays', async () => {
    const model = linearModel(0.25)
    const program = await create({ ...model, loss: mean(model.y), seed: 1 })
    const { memory } = program
    memory.value('layer.weight').fill(0)
    memory.value('layer.bias').fill(1)
    const kept = 1 / 0.75
    for (let step = 0; step < 8; step++) {
      const { loss } = await program.run(step, { x })
      const ones = (loss! * 20) / kept
      expect(Math.abs(ones - Math.round(ones))).toBeLessThan(1e-4)
      expect(ones).toBeGreaterThan(0)
    }
  })
})

describe('a loss that is not a number', () => {
  it('is named by the first term that broke, and the sum only where no term did', async () => {
    const graph = new Graph()
    const scope = new Scope(graph)
    const weight = scope.parameter('weight', [], normal(1))
    const input = (name: string) => mul(weight, graph.input(name, 'float32', []))
    const terms: Record<string, Tensor> = { calm: input('a'), wild: input('b') }
    const loss = sub(terms['calm']!, terms['wild']!)
    const program = await create({ graph, specs: scope.specs, loss, terms, seed: 1 })
    program.memory.value('weight')[0] = 1
    const run = (a: number, b: number) =>
      program.run(7, { a: float32([], Float32Array.of(a)), b: float32([], Float32Array.of(b)) })

    expect(await run(3, 1)).toEqual({ loss: 2, calm: 3, wild: 1 })
    await expect(run(1, Number.NaN)).rejects.toThrow(NonFiniteError)
    await expect(run(1, Number.NaN)).rejects.toThrow("step 7: the term 'wild' is NaN; no weight was changed")
    await expect(run(Number.POSITIVE_INFINITY, Number.NaN)).rejects.toThrow("the term 'calm' is Infinity")
    await expect(run(3e38, -3e38)).rejects.toThrow("the term 'loss' is Infinity")
    expect(program.memory.value('weight')[0]).toBe(1)
  })
})
