import { describe, expect, it } from 'vitest'
import { operators } from '../../../src/graph/index.js'
import { references } from '../../reference/interpret.js'

describe('the table of operators', () => {
  it('has a float64 reference for every operator, and none to spare', () => {
    expect(Object.keys(references).sort()).toEqual([...operators.keys()].sort())
  })
})
