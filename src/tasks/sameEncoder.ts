import { visionSpecs } from '../train/partSpecs.js'
import type { ModelConfig, ModelDirectory } from '../weights/modelDirectory.js'
import { hashOnnx, onnxEncoderOf } from '../weights/onnxPart.js'

/**
 * Whether two models see pictures through the same encoder, as most published ones do: the same sizes, preparation of
 * pictures, and values of every weight, in whatever files and types they are stored. Reads weight by weight, and no
 * further than the first that differs.
 */
export async function haveSameEncoder(
  one: ModelDirectory,
  other: ModelDirectory,
  signal?: AbortSignal,
): Promise<boolean> {
  if (describe(one.config) !== describe(other.config)) return false
  if (one.config.vision.kind === 'onnx')
    return (await hashOnnx(onnxEncoderOf(one.path))) === (await hashOnnx(onnxEncoderOf(other.path)))
  const wanted = visionSpecs(one.config)
  await using first = await one.stream('vision', wanted)
  await using second = await other.stream('vision', wanted)
  // What was rounded to few bits and what was not are computed by other kernels.
  if (first.isQuantized !== second.isQuantized) return false
  for (const name of first.names) {
    signal?.throwIfAborted()
    if (!equal(await first.read(name), await second.read(name))) return false
  }
  return true
}

/** All that the encoder's features depend on but its weights, the same text for the same. */
const describe = ({ vision, mean, std }: ModelConfig): string =>
  JSON.stringify(Object.entries({ ...vision, mean, std }).sort(([a], [b]) => (a < b ? -1 : 1)))

function equal(one: Float32Array, other: Float32Array): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}
