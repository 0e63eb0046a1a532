import { DtypeError, ShapeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import type { OnnxEmitter } from '../onnx.js'
import { formatShape, staticShape } from '../types.js'
import { div, maximum } from './elementwise.js'
import { equal, not } from './logic.js'
import { sum } from './reductions.js'
import { cast } from './types.js'

interface CrossEntropyOptions {
  /** The target gets 1 - s + s / classes, every other class s / classes (default 0). */
  readonly labelSmoothing?: number
  /** Rows with this label have loss 0 (default -100). */
  readonly ignoreIndex?: number
}
type Settings = Required<CrossEntropyOptions>

// loss = -sum(q log p), q the smoothed target: d logits = (p - q) d loss, 0 in ignored rows
const applyCrossEntropy = defineOperator<Settings>({
  name: 'crossEntropy',
  infer: ([logits, labels]) => {
    if (labels!.dtype !== 'int64') throw new DtypeError(`labels must be int64, got ${labels!.dtype}`)
    if (logits!.shape.length !== 2 || labels!.shape.length !== 1 || labels!.shape[0] !== logits!.shape[0])
      throw new ShapeError(
        `expected logits [rows, classes] and labels [rows], got ${formatShape(logits!.shape)} and ${formatShape(labels!.shape)}`,
      )
    return [
      { dtype: logits!.dtype, shape: labels!.shape },
      { dtype: logits!.dtype, shape: logits!.shape },
    ]
  },
  gradient: ({ inputs: [, labels], outputs: [, logProbabilities], attributes }, [dLoss]) => [
    applyCrossEntropyAdjoint([logProbabilities!, labels!, dLoss!], attributes)[0]!,
    undefined,
  ],
  lower: ({ inputs: [logits, labels], outputs: [loss, logProbabilities], attributes }, onnx) => {
    const logP = onnx.name(logProbabilities!)
    onnx.node('LogSoftmax', [onnx.name(logits!)], { axis: -1 }, { outputs: [logP] })
    const { valid, column } = labelColumn(onnx, onnx.name(labels!), attributes.ignoreIndex)
    const picked = onnx.node('GatherElements', [logP, column], { axis: 1 })
    const float = (value: number) => onnx.constant(Float32Array.of(value), [])
    let row = onnx.node('Mul', [picked, float(attributes.labelSmoothing - 1)])
    if (attributes.labelSmoothing > 0) {
      const average = onnx.node('ReduceMean', [logP, onnx.constant([1])], { keepdims: 1 })
      row = onnx.node('Sub', [row, onnx.node('Mul', [average, float(attributes.labelSmoothing)])])
    }
    const flat = onnx.node('Reshape', [row, onnx.constant([-1])])
    onnx.node('Where', [valid, flat, float(0)], {}, { outputs: [onnx.name(loss!)] })
  },
})

const applyCrossEntropyAdjoint = defineOperator<Settings>({
  name: 'crossEntropyAdjoint',
  infer: ([logProbabilities]) => [{ dtype: logProbabilities!.dtype, shape: logProbabilities!.shape }],
  gradient: 'none',
  lower: ({ inputs: [logProbabilities, labels, dLoss], outputs: [dLogits], attributes }, onnx) => {
    const [rows, classes] = staticShape(logProbabilities!.shape, 'the gradient of crossEntropy') as [number, number]
    const { labelSmoothing, ignoreIndex } = attributes
    const { valid, column } = labelColumn(onnx, onnx.name(labels!), ignoreIndex)
    let difference = onnx.node('Exp', [onnx.name(logProbabilities!)])
    if (labelSmoothing > 0)
      difference = onnx.node('Sub', [difference, onnx.constant(Float32Array.of(labelSmoothing / classes), [])])
    const target = onnx.node('Expand', [
      onnx.constant(Float32Array.of(labelSmoothing - 1), []),
      onnx.constant([rows, 1]),
    ])
    difference = onnx.node('ScatterElements', [difference, column, target], { axis: 1, reduction: 'add' })
    const scale = onnx.node('Where', [valid, onnx.name(dLoss!), onnx.constant(Float32Array.of(0), [])])
    const scaleColumn = onnx.node('Reshape', [scale, onnx.constant([rows, 1])])
    onnx.node('Mul', [difference, scaleColumn], {}, { outputs: [onnx.name(dLogits!)] })
  },
})

/** Cross-entropy of each row, 0 where the label is ignored. logits: [rows, classes], labels: int64 [rows] -> [rows] */
export function crossEntropyRows(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0, ignoreIndex = -100 } = options
  return applyCrossEntropy([logits, labels], { labelSmoothing, ignoreIndex })[0]!
}

/** Mean cross-entropy over the rows that are not ignored, as torch.nn.CrossEntropyLoss. -> [] */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const counted = cast(not(equal(labels, options.ignoreIndex ?? -100)), 'float32')
  return div(sum(crossEntropyRows(logits, labels, options)), maximum(sum(counted), 1))
}

/** Which labels count, and the labels as a column in which ignored ones point to class 0. */
function labelColumn(onnx: OnnxEmitter, labels: string, ignoreIndex: number) {
  const integer = (value: number) => onnx.constant(BigInt64Array.of(BigInt(value)), [])
  const valid = onnx.node('Not', [onnx.node('Equal', [labels, integer(ignoreIndex)])])
  const safe = onnx.node('Where', [valid, labels, integer(0)])
  return { valid, column: onnx.node('Reshape', [safe, onnx.constant([-1, 1])]) }
}
