import { describe, expect, it } from 'vitest'

import { WeightsError } from '../../../src/errors.js'
import type { NameLayout } from '../../../src/weights/names/layout.js'
import { fillPattern, matchPattern } from '../../../src/weights/names/pattern.js'
import { planWeights } from '../../../src/weights/names/plan.js'
import { recognizeLayout } from '../../../src/weights/names/recognize.js'
import { huggingFaceT5 } from '../../../src/weights/names/t5.js'
import { checkpointPart } from '../../../src/weights/partSource.js'
import type { TensorTable } from '../../../src/weights/safetensors/types.js'
import { tableOf } from './shapes.js'

const layout: NameLayout = {
  title: 'a test',
  mark: 'table',
  rules: [
    ['words', { anyOf: ['table', 'head'] }],
    ['layers.#.qkv', { stack: ['(net.)h.#.q', '(net.)h.#.k'] }],
    ['layers.#.bias', { name: 'h.#.bias', part: 1, of: 2 }],
    ['layers.*', 'h.*'],
  ],
  ignored: [['ids', 'numbers']],
  encoderLayers: 'h.#.*',
}

const plan = (source: Record<string, number[]>, wanted: Record<string, number[]>, options = {}) =>
  planWeights(tableOf(new Map(Object.entries(source))), layout, new Map(Object.entries(wanted)), options)

describe('patterns', () => {
  it('capture numbers and text in order', () => {
    expect(matchPattern('a.#.*.b.*', 'a.12.x.y.b.z')).toEqual(['12', 'x.y', 'z'])
    expect(matchPattern('a.#.*', 'a.x.y')).toBeUndefined()
    expect(matchPattern('a.#', 'xa.1')).toBeUndefined()
    expect(matchPattern('a.b', 'a-b')).toBeUndefined()
    expect(matchPattern('(net.)a', 'a')).toEqual([])
    expect(matchPattern('(net.)a', 'net.a')).toEqual([])
  })

  it('are filled in order, with and without their optional parts', () => {
    expect(fillPattern('(n.)h.#.*', ['3', '$&'])).toEqual(['n.h.3.$&', 'h.3.$&'])
    expect(fillPattern('(a)x(b)', [])).toEqual(['axb', 'ax', 'xb', 'x'])
  })
})

describe('planWeights', () => {
  it('finds stacks, shares, tied names, optional prefixes', () => {
    const source = {
      head: [5, 2],
      'net.h.0.q': [3, 2],
      'net.h.0.k': [1, 2],
      'h.0.bias': [6],
      'h.0.norm': [2],
      ids: [1],
    }
    const wanted = { words: [5, 2], 'layers.0.qkv': [4, 2], 'layers.0.bias': [3], 'layers.0.norm': [2] }
    const { tensors, ties, ignored } = plan(source, wanted)
    expect(tensors.get('words')?.assembly).toEqual({ kind: 'whole', source: 'head' })
    expect(tensors.get('layers.0.qkv')?.assembly).toEqual({ kind: 'stack', sources: ['net.h.0.q', 'net.h.0.k'] })
    expect(tensors.get('layers.0.bias')?.assembly).toEqual({ kind: 'part', source: 'h.0.bias', part: 1, of: 2 })
    expect(ties).toEqual([])
    expect([...ignored]).toEqual([['ids', 'numbers']])
  })

  it('lists everything that is wrong in one error', () => {
    const source = { head: [5, 3], 'h.0.q': [3, 2], 'h.0.k': [1, 4], 'h.0.bias': [5], more: [1], 'h.0.new': [1] }
    const wanted = { words: [5, 2], 'layers.0.qkv': [4, 2], 'layers.0.bias': [3], 'layers.0.norm': [2], other: [1] }
    expect(() => plan(source, wanted)).toThrow(WeightsError)
    expect(() => plan(source, wanted)).toThrow(
      [
        'model: the weights do not fit the model',
        '  missing (2): layers.0.norm (as h.0.norm), other',
        '  unexpected (2): more, h.0.new',
        '  wrong shape (3): words (expected [5, 2], found [5, 3]), layers.0.qkv (expected [4, 2], found [3, 2] and [1, 4]), layers.0.bias (expected [3], found [5])',
        'Check that the configuration belongs to these weights.',
      ].join('\n'),
    )
  })

  it('leaves out what the caller names, and no more', () => {
    const source = { table: [1], extra: [1], 'extra.2': [1] }
    expect([...plan(source, { words: [1] }, { ignore: ['extra', 'extra.#'] }).ignored.values()]).toEqual([
      'not wanted',
      'not wanted',
    ])
    expect(() => plan(source, { words: [1] }, { ignore: ['extra'] })).toThrow(/unexpected \(1\): extra\.2/)
    expect(plan({ table: [1] }, { words: [1], temp: [] }, { optional: ['temp'] }).absent).toEqual(['temp'])
    expect(() => plan({ table: [1] }, { words: [1], temp: [] }, { optional: ['tem'] })).toThrow(/missing \(1\): temp/)
  })

  it('leaves out one layer behind the last that runs, and never two, nor one between', () => {
    const layers = (...numbers: number[]) => Object.fromEntries(numbers.map((number) => [`h.${number}.norm`, [2]]))
    const first = { 'layers.0.norm': [2] }
    expect([...plan(layers(0, 1), first).ignored.keys()]).toEqual(['h.1.norm'])
    expect(() => plan(layers(0, 1, 2), first)).toThrow(/unexpected \(2\): h\.1\.norm, h\.2\.norm/)
    expect(() => plan(layers(0, 1, 2), { 'layers.0.norm': [2], 'layers.2.norm': [2] })).toThrow(
      /unexpected \(1\): h\.1/,
    )
    expect(() => plan({ table: [1], ...layers(0) }, { words: [1] })).toThrow(/unexpected \(1\): h\.0\.norm/)
  })
})

describe('recognizeLayout', () => {
  it('says which names it saw where it knows none', () => {
    const table = tableOf(new Map([['some.weight', [1]]]))
    expect(() => recognizeLayout(table)).toThrow(WeightsError)
    expect(() => recognizeLayout(table)).toThrow(
      /no kind of checkpoint .*Hugging Face's BLIP-2.* first are some\.weight/,
    )
  })

  it('says of a part that cannot be read what kind of checkpoint it lies in', async () => {
    const table = tableOf(new Map([['model.decoder.embed_positions.weight', [4, 2]]]))
    const disposable = { ...table, [Symbol.asyncDispose]: async () => {} } as unknown as TensorTable & AsyncDisposable
    const part = checkpointPart({ openTable: async () => disposable, layout: huggingFaceT5 })
    const wanted = new Map([['t5_model.shared.weight', { shape: [3, 2] }]])
    await expect(part.load(wanted)).rejects.toThrow(
      /expected .*T5.*, but the names are those of Hugging Face's OPT\n.*do not fit the model/,
    )
  })
})
