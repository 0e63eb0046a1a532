export * from './backward.js'
export { type Cut, cutAfter } from './cut.js'
export { type ConstantData, Graph, type Node, type Operator, operators, Tensor } from './graph.js'
export {
  embeddedFloats,
  type OnnxModel,
  type OnnxOptions,
  type QuantizedValues,
  type StoredValues,
  toOnnx,
  type WeightSource,
} from './onnx.js'
export * from './operators/activations.js'
export * from './operators/convolution.js'
export * from './operators/dropout.js'
export * from './operators/elementwise.js'
export { argmax, cumulativeSum, embedding, gather } from './operators/indexing.js'
export * from './operators/logic.js'
export * from './operators/losses.js'
export * from './operators/matmul.js'
export * from './operators/normalization.js'
export { max, mean, sum, sumTo } from './operators/reductions.js'
export * from './operators/shape.js'
export { cast } from './operators/types.js'
export * from './types.js'
export { verify } from './verify.js'
