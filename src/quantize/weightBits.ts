import type { Tensor } from '../graph/index.js'
import { type AnyArchitecture, architectureSpecs, drawArchitecture } from '../models/architectureSpecs.js'
import type { WeightBits } from '../weights/quantize/format.js'

export const VISION_DTYPES = ['float32', 'q8'] as const
export const LANGUAGE_DTYPES = ['float32', 'q8', 'q4'] as const

/** How the frozen components are stored; the Q-Former, projections, norms and biases are always float32. */
export interface ModelDtype {
  readonly vision?: (typeof VISION_DTYPES)[number]
  readonly languageModel?: (typeof LANGUAGE_DTYPES)[number]
}

/** Choices for a whole model. With q4 the encoder has 8 bits: it runs once a picture, and is small beside the language model. */
export const MODEL_DTYPES = {
  float32: {},
  q8: { vision: 'q8', languageModel: 'q8' },
  q4: { vision: 'q8', languageModel: 'q4' },
} as const satisfies Readonly<Record<string, ModelDtype>>
export type ModelDtypeName = keyof typeof MODEL_DTYPES

const BITS = { float32: 32, q8: 8, q4: 4 } as const

/** The operators that read quantised weights (`graph/operators/quantized.ts`), as readers of a weight. */
const PRODUCT = 'linear'
const LOOKUP = 'embedding'

/**
 * The bits of each weight: matrices that only products read get those asked for. A table that is head and embedding at
 * once gets 8, since a row of it is a token; other tables, of which a run reads a few rows, stay float32.
 */
export function weightBits(
  config: AnyArchitecture,
  { vision = 'float32', languageModel = 'float32' }: ModelDtype,
): (name: string) => WeightBits {
  const specs = architectureSpecs(config)
  const readers = readersOfWeights(config)
  return (name) => {
    const component = specs.vision.has(name) ? vision : specs.language.has(name) ? languageModel : 'float32'
    const kinds = [...(readers.get(name) ?? [])].sort().join()
    if (component === 'float32') return 32
    if (kinds === PRODUCT) return BITS[component]
    return kinds === [LOOKUP, PRODUCT].join() ? 8 : 32
  }
}

/** By weight, the operators that read it: products only where it is their matrix. */
function readersOfWeights(config: AnyArchitecture): Map<string, Set<string>> {
  const readers = new Map<string, Set<string>>()
  for (const { operator, inputs } of drawArchitecture(config).graph.nodes)
    inputs.forEach((input, place) => {
      const name = weightName(input)
      if (name === undefined) return
      const reader = operator.name === PRODUCT && place !== 1 ? 'other' : operator.name
      readers.set(name, (readers.get(name) ?? new Set()).add(reader))
    })
  return readers
}

const weightName = ({ source }: Tensor): string | undefined => (source.kind === 'parameter' ? source.name : undefined)
