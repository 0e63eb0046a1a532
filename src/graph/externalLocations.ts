import { fromBinary } from '@bufbuild/protobuf'
import { WeightsError } from '../errors.js'
import {
  type AttributeProto,
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
} from './onnx.generated.js'

/**
 * The files that an ONNX model keeps weights in, relative to its own, each once.
 *
 * @throws WeightsError for what is not ONNX.
 */
export function externalLocations(bytes: Uint8Array): string[] {
  const model = parse(bytes)
  const attributes = model.functions.flatMap(({ node }) => node.flatMap(({ attribute }) => attribute))
  const tensors = [...(model.graph ? tensorsOf(model.graph) : []), ...attributes.flatMap(tensorsOfAttribute)]
  const external = tensors.filter(({ dataLocation }) => dataLocation === DataLocation.EXTERNAL)
  return [...new Set(external.map(locationOf))]
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw new WeightsError('this is not a model in ONNX', { cause })
  }
}

/** Those of branches and loops too. */
const tensorsOf = ({ initializer, sparseInitializer, node }: GraphProto): TensorProto[] => [
  ...initializer,
  ...sparseInitializer.flatMap(({ values, indices }) => [values, indices].filter((part) => part !== undefined)),
  ...node.flatMap(({ attribute }) => attribute.flatMap(tensorsOfAttribute)),
]

const tensorsOfAttribute = ({ t, tensors, g, graphs }: AttributeProto): TensorProto[] => [
  ...(t ? [t] : []),
  ...tensors,
  ...[...(g ? [g] : []), ...graphs].flatMap(tensorsOf),
]

function locationOf({ name, externalData }: TensorProto): string {
  const location = externalData.find(({ key }) => key === 'location')?.value
  if (location === undefined) throw new WeightsError(`the tensor '${name}' is in another file, which is not named`)
  return location
}
