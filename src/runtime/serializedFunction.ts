import type { Graph, Tensor } from '../graph/graph.js'
import { type OnnxOptions, toOnnx } from '../graph/onnx.js'
import type { DType, Shape } from '../graph/types.js'
import { reachable, verify } from '../graph/verify.js'
import type { Device } from './devices.js'

export interface CompileOptions extends OnnxOptions, SessionSettings {}

/** How the runtime opens a graph; plain data, so that it can go to another thread. */
export interface SessionSettings {
  /** Where it runs (default 'cpu'). */
  readonly device?: Device
  /** Threads of one operator (default: one per core). */
  readonly threads?: number
  /** The directory of the files that external weights live in; needed when `weight` gives external sources. */
  readonly weightDirectory?: string
  /**
   * Whether constant weights are repacked for the matrix products (default true): about 1.3x faster, but a second copy
   * of them in memory.
   */
  readonly prepack?: boolean
}

export interface Signature {
  readonly dtype: DType
  readonly shape: Shape
}

/** A graph ready to be opened: all of it plain data. */
export interface SerializedFunction<Output extends string = string> {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly inputs: ReadonlyMap<string, Signature>
  readonly outputs: ReadonlyMap<Output, Signature>
  /** The place in the model of each ONNX node, for errors. */
  readonly labels: ReadonlyMap<string, string>
  readonly settings: SessionSettings
}

/** Serialises what `outputs` need of `graph`. */
export function serializeFunction<Output extends string>(
  graph: Graph,
  outputs: Readonly<Record<Output, Tensor>>,
  options: CompileOptions,
): SerializedFunction<Output> {
  verify(graph, Object.values(outputs))
  const { weight, ...settings } = options
  const { bytes, labels } = toOnnx(graph, outputs, weight ? { weight } : {})
  return {
    bytes,
    inputs: signatures(fedInputs(graph, outputs, options)),
    outputs: signatures(Object.entries<Tensor>(outputs) as [Output, Tensor][]),
    labels,
    settings,
  }
}

/** Inputs and fed weights that the outputs depend on. */
function fedInputs(graph: Graph, outputs: Readonly<Record<string, Tensor>>, { weight }: OnnxOptions) {
  const { tensors } = reachable(Object.values(outputs))
  const fed = [
    ...graph.inputs,
    ...[...graph.parameters].filter(([name]) => (weight?.(name).kind ?? 'input') === 'input'),
  ]
  return fed.filter(([, tensor]) => tensors.has(tensor))
}

/** The types alone: a tensor would keep its whole graph alive. */
const signatures = <Name extends string>(named: readonly (readonly [Name, Tensor])[]): Map<Name, Signature> =>
  new Map(named.map(([name, { dtype, shape }]) => [name, { dtype, shape }]))
