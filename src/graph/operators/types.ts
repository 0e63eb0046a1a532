import { defineOperator, type Tensor } from '../graph.js'
import { dataType } from '../onnx.js'
import { type DType, isFloat } from '../types.js'

// d cast(x) = cast(dx) between floats; integers and booleans carry no gradient
const applyCast = defineOperator<{ to: DType }>({
  name: 'cast',
  infer: ([x], { to }) => [{ dtype: to, shape: x!.shape }],
  gradient: ({ inputs: [x], attributes: { to } }, [dy]) =>
    isFloat(x!.dtype) && isFloat(to) ? [cast(dy!, x!.dtype)] : [],
  lower: ({ inputs: [x], outputs: [y], attributes: { to } }, onnx) => {
    onnx.node('Cast', [onnx.name(x!)], { to: dataType(to) }, { outputs: [onnx.name(y!)] })
  },
})

/** The same values in another element type; nothing is added when the type is right already. */
export const cast = (x: Tensor, to: DType): Tensor => (x.dtype === to ? x : applyCast([x], { to })[0]!)
