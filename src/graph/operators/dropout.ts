import { DtypeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { mul } from './elementwise.js'

// The runtime's own Dropout restarts its sequence with each session, so the masks come from outside, as bytes made by
// a counter-based generator; one pass turns them into factors.
const applyKeepFactor = defineOperator<{ scale: number }>({
  name: 'keepFactor',
  infer: ([mask]) => {
    if (mask!.dtype !== 'uint8') throw new DtypeError(`a dropout mask must be uint8, got ${mask!.dtype}`)
    return [{ dtype: 'float32', shape: mask!.shape }]
  },
  gradient: 'none',
  lower: ({ inputs: [mask], outputs: [y], attributes: { scale } }, onnx) => {
    const factor = onnx.constant(Float32Array.of(scale), [])
    onnx.node('DequantizeLinear', [onnx.name(mask!), factor], {}, { outputs: [onnx.name(y!)] })
  },
})

/** x * mask / keepProbability. mask: uint8 of the shape of x, 1 where the value is kept. */
export const dropout = (x: Tensor, mask: Tensor, keepProbability: number): Tensor =>
  mul(x, applyKeepFactor([mask], { scale: 1 / keepProbability })[0]!)
