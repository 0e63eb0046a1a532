import { describe, expect, it } from 'vitest'
import { splitPrefix } from '../../../src/train/objectives/stage2Prefix.js'

const END = 1

describe('splitPrefix', () => {
  it('puts every place between two tokens within reach, and an end token behind both parts', () => {
    const tokens = [5, 6, 7, 8]
    expect(splitPrefix(tokens, END, () => 0)).toEqual({ prefix: [5, END], suffix: [6, 7, 8, END] })
    expect(splitPrefix(tokens, END, () => 0.5)).toEqual({ prefix: [5, 6, END], suffix: [7, 8, END] })
    expect(splitPrefix(tokens, END, () => 0.999)).toEqual({ prefix: [5, 6, 7, END], suffix: [8, END] })
  })

  it('leaves nothing in front of a single token', () => {
    expect(splitPrefix([5], END, () => 0.9)).toEqual({ prefix: [END], suffix: [5, END] })
  })
})
