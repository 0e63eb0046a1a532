import { DtypeError, ShapeError } from '../errors.js'
import type { OnnxEmitter } from './onnx.js'
import { type DType, formatShape, type Shape, sameShape, type TensorType } from './types.js'

export type ConstantData = Float32Array | BigInt64Array | Int32Array | Uint8Array

/** Where a tensor comes from. Parameters are the model's weights: fed, embedded or mapped from a file, as the caller says. */
export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'constant'; readonly data: ConstantData }
  | { readonly kind: 'node'; readonly node: Node; readonly output: number }

/** A value in a graph: it has a type and a source, no data. */
export class Tensor implements TensorType {
  readonly graph: Graph
  readonly id: number
  readonly dtype: DType
  readonly shape: Shape
  readonly source: Source

  constructor(graph: Graph, id: number, type: TensorType, source: Source) {
    this.graph = graph
    this.id = id
    this.dtype = type.dtype
    this.shape = type.shape
    this.source = source
  }

  /** Size along an axis; negative axes count from the end. */
  size(axis: number): number | string {
    const size = this.shape.at(axis)
    if (size === undefined) throw new ShapeError(`axis ${axis} is outside ${formatShape(this.shape)}`)
    return size
  }

  get rank(): number {
    return this.shape.length
  }
}

/** One application of an operator. */
export interface Node<A = unknown> {
  readonly operator: Operator<A>
  readonly attributes: A
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  /** Position in the model, such as 'Qformer/layer.3/attention'; error messages quote it. */
  readonly label: string
}

/** Gradients with respect to a node's inputs; undefined where there is none (integers, masks). */
export type InputGradients = readonly (Tensor | undefined)[]

/**
 * An operator: its attribute type, its shape rule, its gradient and its ONNX form in one place. The gradient is a
 * function, or the explicit value 'none' (integers, comparisons), so the table of gradients has no holes.
 */
export interface Operator<A = unknown> {
  readonly name: string
  /** Types of the outputs; throws a ShapeError or DtypeError for inputs that do not fit. */
  readonly infer: (inputs: readonly TensorType[], attributes: A) => readonly TensorType[]
  /** `outputGradients[i]` is undefined when output i does not reach the loss. */
  readonly gradient: ((node: Node<A>, outputGradients: readonly (Tensor | undefined)[]) => InputGradients) | 'none'
  readonly lower: (node: Node<A>, onnx: OnnxEmitter) => void
}

const operatorTable = new Map<string, Operator>()

/** Every operator that exists, by name; tests walk it so that none goes unchecked. */
export const operators: ReadonlyMap<string, Operator> = operatorTable

/** Adds an operator to the table and gives the function that applies it. */
export function defineOperator<A>(
  operator: Operator<A>,
): (inputs: readonly Tensor[], attributes: A) => readonly Tensor[] {
  if (operatorTable.has(operator.name)) throw new Error(`operator ${operator.name} is defined twice`)
  // The one place where the attribute type is forgotten: a node always carries the attributes of its own operator.
  const erased = operator as unknown as Operator
  operatorTable.set(operator.name, erased)
  return (inputs, attributes) => {
    const first = inputs[0]
    if (!first) throw new ShapeError(`${operator.name} needs at least one input`)
    return first.graph.apply(erased, inputs, attributes)
  }
}

/**
 * A differentiable graph under construction. Nodes are kept in topological order; applying the same operator to the
 * same inputs gives the same node again, so common subexpressions are shared as the graph is drawn.
 */
export class Graph {
  readonly nodes: Node[] = []
  readonly inputs = new Map<string, Tensor>()
  readonly parameters = new Map<string, Tensor>()
  /** Nodes by number, from `first` up to `end`, that `backward` may draw again instead of having their values kept. */
  readonly segments: { readonly first: number; readonly end: number }[] = []
  #inSegment = false
  #nextId = 0
  #label: string[] = []
  readonly #shared = new Map<string, readonly Tensor[]>()

  /** Declares a value given at each run. Asking again for the same name gives the same tensor. */
  input(name: string, dtype: DType, shape: Shape): Tensor {
    return this.#declare(this.inputs, { kind: 'input', name }, { dtype, shape })
  }

  /** Declares a weight of the model. Asking again for the same name gives the same tensor (tied weights). */
  parameter(name: string, shape: Shape, dtype: DType = 'float32'): Tensor {
    return this.#declare(this.parameters, { kind: 'parameter', name }, { dtype, shape })
  }

  /** A value fixed in the graph; its element type follows the array's (Uint8Array is uint8). */
  constant(data: ConstantData, shape: Shape): Tensor {
    const dtype = constantDtype(data)
    const size = shape.reduce<number>((product, dim) => product * Number(dim), 1)
    if (size !== data.length)
      throw new ShapeError(`a constant of shape ${formatShape(shape)} needs ${size} values, got ${data.length}`)
    const make = () => [new Tensor(this, this.#nextId++, { dtype, shape }, { kind: 'constant', data })]
    // Large constants are not compared value by value.
    if (data.length > 64) return make()[0]!
    return this.#share(`constant ${constantKey(data, shape)}`, make)[0]!
  }

  scalar(value: number): Tensor {
    return this.constant(Float32Array.of(value), [])
  }

  integers(values: readonly number[]): Tensor {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length])
  }

  /** Runs `draw` with `name` added to the labels of the nodes it makes. */
  scope<T>(name: string, draw: () => T): T {
    this.#label.push(name)
    try {
      return draw()
    } finally {
      this.#label.pop()
    }
  }

  /** Makes one segment of the nodes that `draw` adds, such as those of a layer. One inside another is a part of it. */
  segment<T>(draw: () => T): T {
    if (this.#inSegment) return draw()
    const first = this.nodes.length
    this.#inSegment = true
    try {
      return draw()
    } finally {
      this.#inSegment = false
      this.segments.push({ first, end: this.nodes.length })
    }
  }

  apply(operator: Operator, inputs: readonly Tensor[], attributes: unknown): readonly Tensor[] {
    const label = [...this.#label, operator.name].join('/')
    for (const input of inputs)
      if (input.graph !== this) throw new ShapeError(`${label}: an input belongs to another graph`)
    const key = `${operator.name} ${inputs.map((input) => input.id).join()} ${JSON.stringify(attributes)}`
    return this.#share(key, () => {
      const node = { operator, attributes, inputs, label, outputs: [] as Tensor[] }
      const types = inferOutputs(operator, inputs, attributes, label)
      types.forEach((type, output) => {
        node.outputs.push(new Tensor(this, this.#nextId++, type, { kind: 'node', node, output }))
      })
      this.nodes.push(node)
      return node.outputs
    })
  }

  #share(key: string, make: () => readonly Tensor[]): readonly Tensor[] {
    const known = this.#shared.get(key)
    if (known) return known
    const made = make()
    this.#shared.set(key, made)
    return made
  }

  #declare(table: Map<string, Tensor>, source: Source & { name: string }, type: TensorType): Tensor {
    const known = table.get(source.name)
    if (!known) {
      const broken = type.shape.find((size) => typeof size === 'number' && !(Number.isInteger(size) && size > 0))
      if (broken !== undefined)
        throw new ShapeError(
          `'${source.name}' is declared as ${formatShape(type.shape)}; a size is a positive integer or a name`,
        )
      if (this.inputs.has(source.name) || this.parameters.has(source.name))
        throw new ShapeError(`the name '${source.name}' is used for an input and for a parameter`)
      if (source.name === '' || source.name.startsWith('/'))
        throw new ShapeError(`a name must not be empty or begin with '/', got '${source.name}'`)
      const tensor = new Tensor(this, this.#nextId++, type, source)
      table.set(source.name, tensor)
      return tensor
    }
    if (known.dtype !== type.dtype || !sameShape(known.shape, type.shape))
      throw new ShapeError(
        `'${source.name}' was declared as ${known.dtype}${formatShape(known.shape)} and again as ${type.dtype}${formatShape(type.shape)}`,
      )
    return known
  }
}

/** The types an operator's rule gives; its errors get the place and the types of the inputs in front. */
export function inferOutputs(
  operator: Operator,
  inputs: readonly Tensor[],
  attributes: unknown,
  label: string,
): readonly TensorType[] {
  try {
    return operator.infer(inputs, attributes)
  } catch (cause) {
    const types = inputs.map((input) => `${input.dtype}${formatShape(input.shape)}`).join(', ')
    const where = `${label}(${types})`
    if (cause instanceof ShapeError) throw new ShapeError(`${where}: ${cause.message}`, { cause })
    if (cause instanceof DtypeError) throw new DtypeError(`${where}: ${cause.message}`, { cause })
    throw cause
  }
}

/** Text that is the same for equal constants only; 0 and -0 differ. */
export function constantKey(data: ConstantData, shape: Shape): string {
  const values = Array.from(data as ArrayLike<number | bigint>, (value) => (Object.is(value, -0) ? '-0' : value))
  return `${data.constructor.name} ${formatShape(shape)} ${values.join()}`
}

function constantDtype(data: ConstantData): DType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof BigInt64Array) return 'int64'
  return data instanceof Int32Array ? 'int32' : 'uint8'
}
