import { create, toBinary } from '@bufbuild/protobuf'
import { DtypeError, ShapeError } from '../errors.js'
import { type ConstantData, constantKey, type Graph, type Node, type Tensor } from './graph.js'
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from './onnx.generated.js'
import { type DType, elementCount, formatShape, type Shape } from './types.js'
import { reachable } from './verify.js'

/** Values that do not change between runs. */
export type StoredValues =
  /** Copied into the model bytes. */
  | { readonly kind: 'embedded'; readonly dtype: DType; readonly bytes: Uint8Array }
  /** Mapped by the runtime from a file beside the model: `offset` and `length` in bytes, nothing is converted. */
  | {
      readonly kind: 'external'
      readonly dtype: DType
      readonly location: string
      readonly offset: number
      readonly length: number
    }

/**
 * A matrix [out, in] in blocks of `blockSize` along each row, the last one filled up. A value is
 * (stored - zero point) * scale of its block.
 */
export interface QuantizedValues {
  readonly kind: 'quantized'
  readonly bits: 4 | 8
  readonly blockSize: number
  /** uint8 [out, blocks, blockSize * bits / 8]; of two 4-bit values the first is in the low half. */
  readonly values: StoredValues
  /** float32 [out, blocks] */
  readonly scales: StoredValues
  /** uint8 [out, blocks * bits / 8 rounded up], packed like the values (default: 2^(bits - 1) everywhere). */
  readonly zeroPoints?: StoredValues
}

/** How a weight reaches the runtime. */
export type WeightSource =
  /** Given at each run, in place: what training does. */
  | { readonly kind: 'input' }
  | StoredValues
  /** Only products and lookups of rows read such a weight; nothing is widened but the rows that are looked up. */
  | QuantizedValues

/** A float32 weight as a constant of the graph; nothing is copied until the graph is serialised. */
export const embeddedFloats = (data: Float32Array): WeightSource => ({
  kind: 'embedded',
  dtype: 'float32',
  bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
})

export interface OnnxModel {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The label of each ONNX node by its name, for errors. */
  readonly labels: ReadonlyMap<string, string>
  readonly nodeCount: number
}

export interface OnnxOptions {
  /** The source of each parameter; every one is an input when left out. */
  readonly weight?: (name: string) => WeightSource
}

type AttributeValue = number | string | readonly number[] | { readonly float: number }

/** The ONNX names of a quantised weight's tensors, whose shapes `QuantizedValues` gives. */
export interface QuantizedWeight extends Pick<QuantizedValues, 'bits' | 'blockSize'> {
  readonly out: number
  readonly in: number
  readonly values: string
  readonly scales: string
  readonly zeroPoints?: string
}

/** What an operator's `lower` writes to. */
export interface OnnxEmitter {
  /** The ONNX name of a tensor. */
  name(tensor: Tensor): string
  /** How a weight is quantised; undefined for every other tensor. Operators that do not ask refuse such a weight. */
  quantized(tensor: Tensor): QuantizedWeight | undefined
  /** Adds a node; gives its first output. Numbers are integer attributes, `{ float }` are floating ones. */
  node(
    type: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
    options?: { readonly outputs?: readonly string[]; readonly domain?: string },
  ): string
  /** A constant beside the graph's own; int64 unless the array says otherwise. */
  constant(data: ConstantData | readonly number[], shape?: readonly number[]): string
}

const DATA_TYPE: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
}
// Gelu is in the standard set from 20 on; the IR version is the one of that release.
const OPSET = 20n
const IR_VERSION = 9n
/** In front of the names made here; inputs, weights and outputs cannot have such names. */
export const INTERNAL = '/'

export const dataType = (dtype: DType): number => DATA_TYPE[dtype]

/** Serialises what `outputs` need of the graph; nodes and weights that lead to no output are dropped. */
export function toOnnx(graph: Graph, outputs: Readonly<Record<string, Tensor>>, options: OnnxOptions = {}): OnnxModel {
  const weight = options.weight ?? (() => ({ kind: 'input' }) as const)
  const wanted = Object.values(outputs)
  for (const name of Object.keys(outputs))
    if (name.startsWith(INTERNAL) || graph.inputs.has(name) || graph.parameters.has(name))
      throw new ShapeError(`an output cannot be called '${name}': ${INTERNAL}... and the inputs' names are taken`)
  const live = reachable(wanted)
  const writer = new Writer(outputNames(outputs))

  const isLive = (tensor: Tensor) => live.tensors.has(tensor)
  const inputs = [...graph.inputs.values()]
    .filter(isLive)
    .map((tensor) => writer.valueInfo(writer.name(tensor), tensor))
  for (const tensor of [...graph.parameters.values()].filter(isLive)) {
    const name = writer.name(tensor)
    const source = weight(name)
    if (source.kind === 'input') inputs.push(writer.valueInfo(name, tensor))
    else writer.weight(name, tensor, source)
  }
  for (const node of leavesLast(live.nodes)) writer.lower(node)
  const outputInfo = Object.entries(outputs).map(([name, tensor]) => {
    if (graph.inputs.has(name) || graph.parameters.has(name))
      throw new ShapeError(`the output '${name}' has the name of an input; give it another`)
    if (writer.name(tensor) !== name) writer.node('Identity', [writer.name(tensor)], {}, { outputs: [name] })
    return writer.valueInfo(name, tensor)
  })

  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'blip2',
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: '', version: OPSET }),
      create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
    ],
    graph: create(GraphProtoSchema, {
      name: 'blip2',
      node: writer.nodes,
      initializer: writer.initializers,
      input: inputs,
      output: outputInfo,
    }),
  })
  return { bytes: toBinary(ModelProtoSchema, model), labels: writer.labels, nodeCount: writer.nodes.length }
}

/** What a node computes has its output's name from the start, so that nothing is copied; other tensors have names. */
const outputNames = (outputs: Readonly<Record<string, Tensor>>): ReadonlyMap<Tensor, string> =>
  new Map(
    Object.entries(outputs)
      .filter(([, { source }]) => source.kind === 'node')
      .map(([name, tensor]) => [tensor, name]),
  )

/**
 * Nodes that no other reads, such as a weight's gradient, after all others, the last drawn first. The runtime computes
 * what the last leaf needs, then what the leaf before it needs, and so on: in this order a layer's gradients are
 * computed when they are due. The other way round, all that they read would be kept to the end of the backward pass.
 */
function leavesLast(nodes: readonly Node[]): Node[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs))
  const isLeaf = ({ outputs }: Node) => !outputs.some((output) => read.has(output))
  return [...nodes.filter((node) => !isLeaf(node)), ...nodes.filter(isLeaf).reverse()]
}

class Writer implements OnnxEmitter {
  readonly nodes: NodeProto[] = []
  readonly initializers: TensorProto[] = []
  readonly labels = new Map<string, string>()
  readonly #constants = new Map<Tensor | string, string>()
  readonly #quantized = new Map<string, QuantizedWeight>()
  readonly #outputNames: ReadonlyMap<Tensor, string>
  #label = ''
  #temporaries = 0

  constructor(outputNames: ReadonlyMap<Tensor, string>) {
    this.#outputNames = outputNames
  }

  name(tensor: Tensor): string {
    const { source } = tensor
    if (this.quantized(tensor))
      throw new DtypeError(
        `${this.#label} reads the weight '${(source as { name: string }).name}', which is quantised; only linear layers and lookups can. Open the model with float32 weights`,
      )
    if (source.kind === 'input' || source.kind === 'parameter') return source.name
    if (source.kind === 'node') return this.#outputNames.get(tensor) ?? `${INTERNAL}t${tensor.id}`
    let name = this.#constants.get(tensor)
    if (!name) {
      name = this.#initializer(source.data, tensor.shape)
      this.#constants.set(tensor, name)
    }
    return name
  }

  quantized({ source }: Tensor): QuantizedWeight | undefined {
    return source.kind === 'parameter' ? this.#quantized.get(source.name) : undefined
  }

  constant(data: ConstantData | readonly number[], shape?: readonly number[]): string {
    const array = Array.isArray(data) ? BigInt64Array.from(data as readonly number[], BigInt) : (data as ConstantData)
    const sizes = shape ?? [array.length]
    const key = constantKey(array, sizes)
    let name = this.#constants.get(key)
    if (!name) {
      name = this.#initializer(array, sizes)
      this.#constants.set(key, name)
    }
    return name
  }

  lower(node: Node): void {
    this.#label = node.label
    node.operator.lower(node, this)
    this.#label = ''
  }

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    { outputs, domain = '' }: { outputs?: readonly string[]; domain?: string } = {},
  ): string {
    const output = outputs ?? [`${INTERNAL}u${this.#temporaries++}`]
    const name = `n${this.nodes.length}_${type}`
    this.labels.set(name, this.#label)
    this.nodes.push(
      create(NodeProtoSchema, {
        name,
        opType: type,
        domain,
        input: [...inputs],
        output: [...output],
        attribute: Object.entries(attributes).map(([key, value]) => attributeProto(key, value)),
      }),
    )
    return output[0]!
  }

  weight(name: string, tensor: Tensor, source: Exclude<WeightSource, { kind: 'input' }>): void {
    if (source.kind === 'quantized') {
      this.#quantized.set(name, this.#quantizedWeight(name, tensor, source))
      return
    }
    const direct = source.dtype === tensor.dtype
    const stored = this.#stored(direct ? name : `${INTERNAL}${name} as ${source.dtype}`, tensor.shape, source)
    if (!direct) this.node('Cast', [stored], { to: dataType(tensor.dtype) }, { outputs: [name] })
  }

  #quantizedWeight(name: string, { shape }: Tensor, source: QuantizedValues): QuantizedWeight {
    const { bits, blockSize, values, scales, zeroPoints } = source
    const [out, inner] = shape
    if (shape.length !== 2 || typeof out !== 'number' || typeof inner !== 'number')
      throw new ShapeError(`only a matrix is quantised, but '${name}' is ${formatShape(shape)}`)
    const blocks = Math.ceil(inner / blockSize)
    const part = (what: string, sizes: Shape, stored: StoredValues) =>
      this.#stored(`${INTERNAL}${name} ${what}`, sizes, stored)
    return {
      bits,
      blockSize,
      out,
      in: inner,
      values: part('values', [out, blocks, (blockSize * bits) / 8], values),
      scales: part('scales', [out, blocks], scales),
      ...(zeroPoints ? { zeroPoints: part('zero points', [out, Math.ceil((blocks * bits) / 8)], zeroPoints) } : {}),
    }
  }

  #stored(name: string, shape: Shape, source: StoredValues): string {
    const proto = create(TensorProtoSchema, {
      name,
      dims: shape.map((size) => BigInt(size)),
      dataType: dataType(source.dtype),
    })
    if (source.kind === 'embedded') proto.rawData = source.bytes
    else {
      proto.dataLocation = DataLocation.EXTERNAL
      const { location, offset, length } = source
      proto.externalData = Object.entries({ location, offset, length }).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value: String(value) }),
      )
    }
    this.initializers.push(proto)
    return name
  }

  valueInfo(name: string, tensor: { dtype: DType; shape: Shape }) {
    const dim = tensor.shape.map((size) =>
      create(TensorShapeProto_DimensionSchema, {
        value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
      }),
    )
    const tensorType = create(TypeProto_TensorSchema, {
      elemType: dataType(tensor.dtype),
      shape: create(TensorShapeProtoSchema, { dim }),
    })
    return create(ValueInfoProtoSchema, {
      name,
      type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }),
    })
  }

  #initializer(data: ConstantData, shape: Shape): string {
    const name = `${INTERNAL}c${this.initializers.length}`
    this.initializers.push(
      create(TensorProtoSchema, {
        name,
        dims: shape.map((size) => BigInt(size)),
        dataType: dataType(arrayDtype(data)),
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      }),
    )
    return name
  }
}

function attributeProto(name: string, value: AttributeValue) {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) })
}

function arrayDtype(data: ConstantData): DType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof BigInt64Array) return 'int64'
  return data instanceof Int32Array ? 'int32' : 'uint8'
}

/**
 * The shape operand of ONNX Reshape for `target`: known sizes as they are, one named size as -1, others as 0 ("as in
 * the input") where the input has the same name at the same place.
 */
export function reshapeOperand(input: Shape, target: Shape): number[] {
  const named = target.filter((size) => typeof size === 'string').length
  if (named <= 1 && !(named === 1 && elementCountIsZero(target)))
    return target.map((size) => (typeof size === 'number' ? size : -1))
  let inferred = false
  return target.map((size, axis) => {
    if (typeof size === 'number') return size
    if (size === input[axis]) return 0
    if (inferred)
      throw new ShapeError(
        `reshape ${formatShape(input)} -> ${formatShape(target)}: two named sizes move, which ONNX cannot express`,
      )
    inferred = true
    return -1
  })
}

const elementCountIsZero = (shape: Shape) => elementCount(shape.filter((size) => typeof size === 'number')) === 0
