import { type AnyArchitecture, architectureSpecs } from '../models/architectureSpecs.js'
import type { ParameterSpec } from '../nn/scope.js'
import { type ModelDtype, weightBits } from '../quantize/weightBits.js'
import { storedBytes } from '../weights/quantize/format.js'

/** The parts of a model, as its weights are counted. */
export const COMPONENTS = ['vision', 'qformer', 'languageModel'] as const
export type Component = (typeof COMPONENTS)[number]
export type ByComponent = Readonly<Record<Component, number>>

/** The weights of a model by component; 'qformer' has queries, LayerNorm and projection too. */
export function componentSpecs(config: AnyArchitecture): Record<Component, readonly ParameterSpec[]> {
  const { vision, bridge, language } = architectureSpecs(config)
  return { vision: [...vision.values()], qformer: [...bridge.values()], languageModel: [...language.values()] }
}

export const parameterCounts = (config: AnyArchitecture): ByComponent =>
  sums(componentSpecs(config), ({ shape }) => shape.reduce((product, size) => product * size, 1))

/** Bytes of the weights as a model of this dtype stores them. */
export function weightBytes(config: AnyArchitecture, dtype: ModelDtype): ByComponent {
  const bits = weightBits(config, dtype)
  return sums(componentSpecs(config), ({ name, shape }) => storedBytes(shape, bits(name)))
}

export const totalOf = (parts: ByComponent): number => COMPONENTS.reduce((sum, component) => sum + parts[component], 0)

function sums(
  specs: Record<Component, readonly ParameterSpec[]>,
  measure: (spec: ParameterSpec) => number,
): ByComponent {
  const sum = (of: readonly ParameterSpec[]) => of.reduce((total, spec) => total + measure(spec), 0)
  return { vision: sum(specs.vision), qformer: sum(specs.qformer), languageModel: sum(specs.languageModel) }
}
