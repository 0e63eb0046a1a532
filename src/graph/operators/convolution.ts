import { ShapeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { formatShape, staticShape, type TensorType } from '../types.js'
import { linear } from './matmul.js'
import { reshape, transpose } from './shape.js'

interface Convolution {
  readonly stride: number
  readonly padding: number
}

// y = x * w: dx is the transposed convolution of dy with w; dw correlates x with dy, stride becoming dilation
const applyConvolution = defineOperator<Convolution>({
  name: 'convolution',
  infer: ([x, weight], { stride, padding }) => {
    const [batch, channels, height, width] = imageSizes(x!)
    const [out, channelsW, kernelH, kernelW] = imageSizes(weight!)
    if (channels !== channelsW) throw new ShapeError(`the picture has ${channels} channels, the weight ${channelsW}`)
    const outHeight = Math.floor((height + 2 * padding - kernelH) / stride) + 1
    const outWidth = Math.floor((width + 2 * padding - kernelW) / stride) + 1
    if (outHeight < 1 || outWidth < 1)
      throw new ShapeError(`a kernel of ${kernelH} x ${kernelW} is larger than the padded picture`)
    return [{ dtype: x!.dtype, shape: [batch, out, outHeight, outWidth] }]
  },
  gradient: ({ inputs: [x, weight], attributes }, [dy]) => [
    applyInputAdjoint([dy!, weight!], { ...attributes, size: [x!.shape[2] as number, x!.shape[3] as number] })[0]!,
    applyWeightAdjoint([x!, dy!], {
      ...attributes,
      kernel: [weight!.shape[2] as number, weight!.shape[3] as number],
    })[0]!,
  ],
  lower: ({ inputs: [x, weight], outputs: [y], attributes: { stride, padding } }, onnx) => {
    const attributes = { strides: [stride, stride], pads: [padding, padding, padding, padding] }
    onnx.node('Conv', [onnx.name(x!), onnx.name(weight!)], attributes, { outputs: [onnx.name(y!)] })
  },
})

const applyInputAdjoint = defineOperator<Convolution & { size: readonly [number, number] }>({
  name: 'convolutionInputAdjoint',
  infer: ([dy, weight], { size }) => [{ dtype: dy!.dtype, shape: [dy!.shape[0]!, weight!.shape[1]!, ...size] }],
  gradient: 'none',
  lower: ({ inputs: [dy, weight], outputs: [dx], attributes: { stride, padding, size } }, onnx) => {
    const [, , outHeight, outWidth] = imageSizes(dy!)
    const [, , kernelH, kernelW] = imageSizes(weight!)
    // What the strided forward pass left over at the far edge.
    const left = (total: number, out: number, kernel: number) => total + 2 * padding - ((out - 1) * stride + kernel)
    const attributes = {
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      output_padding: [left(size[0], outHeight, kernelH), left(size[1], outWidth, kernelW)],
    }
    onnx.node('ConvTranspose', [onnx.name(dy!), onnx.name(weight!)], attributes, { outputs: [onnx.name(dx!)] })
  },
})

const applyWeightAdjoint = defineOperator<Convolution & { kernel: readonly [number, number] }>({
  name: 'convolutionWeightAdjoint',
  infer: ([x, dy], { kernel }) => [{ dtype: dy!.dtype, shape: [dy!.shape[1]!, x!.shape[1]!, ...kernel] }],
  gradient: 'none',
  lower: ({ inputs: [x, dy], outputs: [dw], attributes: { stride, padding, kernel } }, onnx) => {
    // Batch and channels change places: [channels, batch, h, w] * [out, batch, h', w'] -> [channels, out, kh', kw']
    const swap = { perm: [1, 0, 2, 3] }
    const picture = onnx.node('Transpose', [onnx.name(x!)], swap)
    const filter = onnx.node('Transpose', [onnx.name(dy!)], swap)
    const pads = [padding, padding, padding, padding]
    const full = onnx.node('Conv', [picture, filter], { dilations: [stride, stride], pads })
    // A stride that does not divide the picture leaves rows and columns that no kernel position covers.
    const operands = [[0, 0], [...kernel], [2, 3]].map((values) => onnx.constant(values))
    const cropped = onnx.node('Slice', [full, ...operands])
    onnx.node('Transpose', [cropped], swap, { outputs: [onnx.name(dw!)] })
  },
})

/** Two-dimensional convolution without bias. x: [batch, in, h, w], weight: [out, in, kh, kw] -> [batch, out, h', w'] */
export const convolution = (x: Tensor, weight: Tensor, options: Partial<Convolution> = {}): Tensor =>
  applyConvolution([x, weight], { stride: options.stride ?? 1, padding: options.padding ?? 0 })[0]!

/**
 * The patch convolution of a ViT: kernel and stride are the patch. Written as a product of patches and weights.
 * x: [batch, channels, height, width], weight: [width', channels, patch, patch] -> [batch, patches (row by row), width']
 */
export function patchConvolution(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [channels, height, width] = staticShape(x.shape.slice(1), 'patchConvolution') as [number, number, number]
  const [out, channelsW, patch, patchW] = imageSizes(weight)
  if (channels !== channelsW || patch !== patchW || height % patch || width % patch)
    throw new ShapeError(
      `patches of weight ${formatShape(weight.shape)} do not tile a picture of ${formatShape(x.shape)}; the sizes must be multiples of the patch`,
    )
  const [rows, columns] = [height / patch, width / patch]
  const batch = x.size(0)
  const blocks = reshape(x, [batch, channels, rows, patch, columns, patch])
  // [batch, rows, columns, channels, patch, patch]
  const patches = reshape(transpose(blocks, [0, 2, 4, 1, 3, 5]), [batch, rows * columns, channels * patch * patch])
  return linear(patches, reshape(weight, [out, channels * patch * patch]), bias)
}

function imageSizes(x: TensorType): [number, number, number, number] {
  if (x.shape.length !== 4)
    throw new ShapeError(`expected four axes [batch, channels, height, width], got ${formatShape(x.shape)}`)
  return staticShape(x.shape, 'convolution') as [number, number, number, number]
}
