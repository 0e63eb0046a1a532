import { componentSpecs } from '../src/estimate/weightSizes.js'
import type { Architecture } from '../src/models/architectureSpecs.js'
import { patchCount } from '../src/models/vit.js'
import { type ModelDtype, weightBits } from '../src/quantize/weightBits.js'
import { storedBytes } from '../src/weights/quantize/format.js'

/** Operations of the encoder on a picture: two for each weight of a matrix and token, and both products of attention. */
export function visionOperations(config: Architecture): number {
  const { vision } = config
  const tokens = 1 + patchCount(vision)
  const matrices = componentSpecs(config).vision.filter(({ shape }) => shape.length === 2 && shape[0]! > tokens)
  const weights = matrices.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0)
  return 2 * tokens * weights + 4 * vision.layers * tokens * tokens * vision.width
}

/** Bytes of weights that a further token reads: those of the decoder and the head. */
export function decodeBytes(config: Architecture, dtype: ModelDtype): number {
  const bits = weightBits(config, dtype)
  const isRead =
    config.language.kind === 'opt'
      ? (name: string) => !name.endsWith('embed_positions.weight')
      : (name: string) => /^t5_model\.(decoder\.|lm_head\.)/.test(name)
  return componentSpecs(config)
    .languageModel.filter(({ name }) => isRead(name))
    .reduce((sum, { name, shape }) => sum + storedBytes(shape, bits(name)), 0)
}
