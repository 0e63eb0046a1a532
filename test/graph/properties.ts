import fc from 'fast-check'

/** Few runs, since each of them opens sessions; the seed makes them the same every time. */
export const PROPERTY = { numRuns: 8, seed: 7 }

export const seeds = fc.integer({ min: 0, max: 1_000_000 })

export const sizes = fc.integer({ min: 1, max: 4 })

/** Shapes of rank 0 to 4. */
export const shapes = fc.array(sizes, { maxLength: 4 })

/** Shapes of rank 1 to 4. */
export const ranked = fc.array(sizes, { minLength: 1, maxLength: 4 })

/** Two shapes that broadcast: axes of either may be 1, leading axes of one may be missing. */
export const broadcastPair = fc
  .tuple(
    shapes,
    fc.array(fc.constantFrom('both', 'left', 'right'), { minLength: 4, maxLength: 4 }),
    sizes,
    fc.boolean(),
  )
  .map(([shape, which, cut, swap]) => {
    const a = shape.map((size, axis) => (which[axis] === 'left' ? 1 : size))
    const b = shape.map((size, axis) => (which[axis] === 'right' ? 1 : size)).slice(Math.min(cut - 1, shape.length))
    return swap ? ([b, a] as const) : ([a, b] as const)
  })
