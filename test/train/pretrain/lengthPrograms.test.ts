import { expect, it } from 'vitest'
import { Graph } from '../../../src/graph/index.js'
import { Scope } from '../../../src/nn/scope.js'
import { embedding } from '../../../src/nn/layers.js'
import { mean, mul } from '../../../src/graph/index.js'
import { int64 } from '../../../src/runtime/index.js'
import type { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'
import { LengthPrograms } from '../../../src/train/pretrain/lengthPrograms.js'
import { TrainingProgram } from '../../../src/train/program.js'

const ENTRIES = 4
const WIDTH = 2

/** Mean of the squares of the words' vectors. */
function open(tokens: number, memory?: ParameterMemory) {
  const graph = new Graph()
  const p = new Scope(graph)
  const words = embedding(p.in('words'), graph.input('ids', 'int64', [1, tokens]), ENTRIES, WIDTH)
  const loss = mean(mul(words, words), [0, 1, 2])
  return TrainingProgram.create({ graph, loss, specs: p.specs, seed: 1, ...(memory ? { memory } : {}) })
}

it('trains the same weights through programs of several lengths; no gradient of one stays for the next', async () => {
  const programs = await LengthPrograms.create([2, 3], open)
  const table = programs.memory.value('words.weight')
  table.set([1, 2, 3, 4, 5, 6, 7, 8])
  const gradient = programs.memory.gradient('words.weight')
  expect(await programs.run(0, { ids: int64([1, 2], [0, 1]) })).toEqual({ loss: (1 + 4 + 9 + 16) / 4 })
  expect([...gradient]).toEqual([0.5, 1, 1.5, 2, 0, 0, 0, 0])
  expect((await programs.run(1, { ids: int64([1, 3], [3, 3, 3]) }))['loss']).toBeCloseTo((49 + 64) / 2, 5)
  for (const [i, expected] of [0, 0, 0, 0, 0, 0, 7, 8].entries()) expect(gradient[i]).toBeCloseTo(expected, 5)
  await programs.dispose()
})

it('says which lengths there are', async () => {
  const programs = await LengthPrograms.create([2, 3], open)
  expect(() => programs.run(0, { ids: int64([1, 4], [0, 1, 2, 3]) })).toThrow(/4 tokens; there are 2, 3/)
  await programs.dispose()
})
