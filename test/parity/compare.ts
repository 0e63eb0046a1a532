import type { Value } from '../../src/runtime/index.js'
import type { Fixture, Values } from './fixture.js'

/** What a tensor may differ by; the classes are those of the issue: ids, losses, gradients, everything else. */
interface Tolerance {
  readonly kind: 'exact' | 'loss' | 'gradient' | 'activation' | 'optimizer' | 'metric'
  readonly absolute: number
  readonly relative: number
}

// Some gradients are zero (a key bias shifts all scores of a row alike); what both sides hold is rounding.
const GRADIENT_NOISE = 2e-7

export interface Line {
  readonly name: string
  readonly kind: Tolerance['kind']
  readonly maxAbsolute: number
  /** Largest difference over the tensor's largest magnitude. */
  readonly maxRelative: number
  readonly ok: boolean
  readonly note?: string
}

/** One line for every tensor the fixture expects; a tensor that was not computed fails. */
export function compare(fixture: Fixture, actual: Values): Line[] {
  return Object.entries(fixture.expected).map(([name, expected]) => {
    const tolerance = toleranceOf(name, expected)
    const found = actual[name]
    const failed = (note: string): Line => ({
      name,
      kind: tolerance.kind,
      maxAbsolute: Number.NaN,
      maxRelative: Number.NaN,
      ok: false,
      note,
    })
    if (!found) return failed('not computed')
    if (found.data.length !== expected.data.length)
      return failed(`shape [${found.shape.join(', ')}], expected [${expected.shape.join(', ')}]`)
    return { name, ...difference(found, expected, tolerance) }
  })
}

function difference(found: Value, expected: Value, { kind, absolute, relative }: Tolerance) {
  let maxAbsolute = 0
  let magnitude = 0
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [Number(found.data[i]), Number(expected.data[i])]
    // NaN must not slip through the comparison below.
    const gap = a === b ? 0 : Math.abs(a - b)
    maxAbsolute = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(maxAbsolute, gap)
    magnitude = Math.max(magnitude, Math.abs(b))
  }
  const maxRelative = maxAbsolute === 0 ? 0 : maxAbsolute / magnitude
  return { kind, maxAbsolute, maxRelative, ok: maxAbsolute <= absolute || maxRelative <= relative }
}

function toleranceOf(name: string, { dtype }: Value): Tolerance {
  if (dtype === 'int64') return { kind: 'exact', absolute: 0, relative: 0 }
  if (/(^|\.)(grad|gradfull|ddp_mean_grad)\./.test(name))
    return { kind: 'gradient', absolute: GRADIENT_NOISE, relative: 1e-3 }
  if (/(^|\.)loss(_[a-z]+)*$/.test(name) || /\.losses$/.test(name)) return { kind: 'loss', absolute: 0, relative: 1e-5 }
  if (/^(caption|vqa)\./.test(name)) return { kind: 'metric', absolute: 1e-6, relative: 0 }
  if (/^[a-z]+\.(step\d+\.|lr$)/.test(name)) return { kind: 'optimizer', absolute: 1e-6, relative: 0 }
  return { kind: 'activation', absolute: 2e-4, relative: 0 }
}
