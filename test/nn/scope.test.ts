import { describe, expect, it } from 'vitest'
import { Graph } from '../../src/graph/index.js'
import { DropoutSites, noDropout } from '../../src/nn/dropout.js'
import { embedding, embeddingTable, layerNorm, linear } from '../../src/nn/layers.js'
import { Scope } from '../../src/nn/scope.js'

describe('a scope', () => {
  it('gives weights their full names, starts and labels', () => {
    const graph = new Graph()
    const p = new Scope(graph)
    const x = graph.input('x', 'float32', [2, 3])
    const layer = p.in('encoder').in('layer').in(3)
    layerNorm(layer.in('LayerNorm'), linear(layer.in('dense'), x, 4), 1e-5)
    linear(layer.in('plain'), x, 4, { bias: false, std: 0.5 })
    expect([...p.specs.values()]).toEqual([
      {
        name: 'encoder.layer.3.dense.weight',
        shape: [4, 3],
        initializer: { kind: 'normal', std: 0.02 * Math.sqrt(768 / 3) },
      },
      { name: 'encoder.layer.3.dense.bias', shape: [4], initializer: { kind: 'zeros' } },
      { name: 'encoder.layer.3.LayerNorm.weight', shape: [4], initializer: { kind: 'ones' } },
      { name: 'encoder.layer.3.LayerNorm.bias', shape: [4], initializer: { kind: 'zeros' } },
      { name: 'encoder.layer.3.plain.weight', shape: [4, 3], initializer: { kind: 'normal', std: 0.5 } },
    ])
    expect([...graph.parameters.keys()]).toEqual([...p.specs.keys()])
    expect(graph.nodes.map(({ label }) => label)).toEqual([
      'encoder.layer.3.dense/linear',
      'encoder.layer.3.LayerNorm/layerNorm',
      'encoder.layer.3.plain/linear',
    ])
  })

  it('ties weights that share a name', () => {
    const graph = new Graph()
    const p = new Scope(graph).in('words')
    const ids = graph.input('ids', 'int64', [2])
    embedding(p, ids, 10, 4)
    expect(embeddingTable(p, 10, 4)).toBe(graph.parameters.get('words.weight'))
    expect(p.specs.size).toBe(1)
  })
})

describe('dropout sites', () => {
  it('declare a mask for each place, in the order of drawing', () => {
    const graph = new Graph()
    const dropout = new DropoutSites(0.1)
    const [x, y] = [graph.input('x', 'float32', [2, 3]), graph.input('y', 'float32', [4])]
    dropout.apply(x)
    dropout.apply(y)
    // In steps of 1 / 65536, the grain of the masks.
    const probability = 6554 / 65_536
    expect(dropout.sites).toEqual([
      { name: 'dropout.0', shape: [2, 3], size: 6, probability },
      { name: 'dropout.1', shape: [4], size: 4, probability },
    ])
    expect(graph.inputs.get('dropout.1')).toMatchObject({ dtype: 'uint8', shape: [4] })
  })

  it('are none for probability 0 and outside of training', () => {
    const x = new Graph().input('x', 'float32', [2])
    const dropout = new DropoutSites(0)
    expect(dropout.apply(x)).toBe(x)
    expect(dropout.sites).toEqual([])
    expect(noDropout(x)).toBe(x)
  })
})
