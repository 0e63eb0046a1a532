import { describe, expect, it } from 'vitest'
import { add, matmul, mul, stopGradient } from '../../src/graph/index.js'
import { checkOperator } from './checkOperator.js'
import { floats } from './randomArray.js'

describe('checkOperator', () => {
  const inputs = { x: floats([2, 2], 1) }

  it('passes what is right', () => checkOperator({ inputs, draw: ({ x }) => matmul(x!, add(x!, x!)) }))

  it('fails for a gradient that is off', async () => {
    const check = checkOperator({ inputs, draw: ({ x }) => mul(stopGradient(x!), x!) })
    await expect(check).rejects.toThrow(/gradient of x, formula: element 0 is/)
  })

  it('fails for a gradient that is missing', async () => {
    const check = checkOperator({ inputs, draw: ({ x }) => stopGradient(x!) })
    await expect(check).rejects.toThrow(/gradient of x, formula: element 0 is 0/)
  })
})
