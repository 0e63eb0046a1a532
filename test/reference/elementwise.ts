import type { DType } from '../../src/graph/index.js'
import { broadcast, broadcastAt, map, tabulate, zip } from './ndarray.js'
import { type Reference, type ReferenceTable, reference } from './reference.js'

const unary = (f: (x: number) => number): Reference => reference(([x]) => [map(x!, f)])
const binary = (f: (a: number, b: number) => number): Reference => reference(([a, b]) => [zip(a!, b!, f)])
const predicate = (f: (a: number, b: number) => boolean): Reference => binary((a, b) => Number(f(a, b)))

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

export const elementwise: ReferenceTable = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  pow: binary((a, b) => a ** b),
  minimum: binary(Math.min),
  maximum: binary(Math.max),
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  erf: unary(erf),
  stopGradient: unary((x) => x),
  relu: unary((x) => Math.max(x, 0)),
  reluSlope: unary((x) => Number(x > 0)),
  gelu: unary((x) => (x * (1 + erf(x / Math.SQRT2))) / 2),
  geluSlope: unary((x) => (1 + erf(x / Math.SQRT2)) / 2 + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)),
  geluTanh: unary((x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2),
  quickGelu: unary((x) => x * sigmoid(1.702 * x)),

  equal: predicate((a, b) => a === b),
  less: predicate((a, b) => a < b),
  greater: predicate((a, b) => a > b),
  lessOrEqual: predicate((a, b) => a <= b),
  and: predicate((a, b) => a !== 0 && b !== 0),
  or: predicate((a, b) => a !== 0 || b !== 0),
  not: unary((x) => Number(x === 0)),
  where: reference(([condition, a, b]) => {
    const shape = broadcast(broadcast(condition!.shape, a!.shape), b!.shape)
    return [tabulate(shape, (index) => broadcastAt(broadcastAt(condition!, index) ? a! : b!, index))]
  }),

  cast: reference<{ to: DType }>(([x], { to }) => [map(x!, (value) => convert(value, to))]),
  keepFactor: reference<{ scale: number }>(([mask], { scale }) => [map(mask!, (kept) => kept * scale)]),
}

function convert(value: number, to: DType): number {
  if (to === 'bool') return Number(value !== 0)
  return to.startsWith('float') || to === 'bfloat16' ? value : Math.trunc(value)
}

/** Maclaurin series where it converges fast, else the continued fraction of the complement (both to 1e-15). */
function erf(x: number): number {
  if (x < 0) return -erf(-x)
  if (x > 6) return 1
  if (x > 3) {
    let fraction = 0
    for (let k = 60; k > 0; k--) fraction = k / 2 / (x + fraction)
    return 1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction)
  }
  let term = x
  let total = x
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n
    total += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * total
}
