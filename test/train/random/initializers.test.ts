import { describe, expect, it } from 'vitest'

import { fillNormal } from '../../../src/train/random/initializers.js'
import { Random } from '../../../src/train/random/random.js'

const std = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)

describe('initialisers', () => {
  it('fill with the wanted standard deviation', () => {
    const values = new Float32Array(100_000)
    fillNormal(new Random(1), values, 0.02)
    expect(Math.abs(std(values) / 0.02 - 1)).toBeLessThan(0.012)
  })
})
