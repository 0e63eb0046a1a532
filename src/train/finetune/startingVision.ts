import { ConfigError, WeightsError } from '../../errors.js'
import { FEATURE_MEAN, FEATURE_STD, IMAGE_ENCODER, type ImageEncoderConfig } from '../../models/imageEncoder.js'
import { resizePositions } from '../../models/positions.js'
import { type EncoderWeights, FrozenEncoder } from '../pretrain/frozenEncoder.js'
import { heldWeights } from '../../weights/heldWeights.js'
import { columnStatistics } from '../vision/columnStatistics.js'

/** Pictures whose features are standardised by what they are themselves, where the size of the pictures changes. */
const SAMPLE = 512

/** An encoder that is to be trained itself, so its weights are in memory. */
export interface HeldEncoder extends Pick<EncoderWeights, 'mean' | 'std'> {
  readonly config: ImageEncoderConfig
  /** By the names under 'visual_encoder'. */
  readonly weights: ReadonlyMap<string, Float32Array>
}

const POSITIONS = {
  clip: `${IMAGE_ENCODER}.positional_embedding`,
  eva: `${IMAGE_ENCODER}.pos_embed`,
} as const satisfies Record<ImageEncoderConfig['kind'], string>

/**
 * The encoder that fine-tuning starts with, at its own picture size: positions are resized (paper 4.2: 364 pixels after
 * 224), and where features are standardised, their statistics are taken anew, since each place has its own.
 *
 * @param nextImages normalised pictures of the new size, [batch, 3, size, size]; called some times in a row
 * @throws ConfigError for a size that is no multiple of a patch
 */
export async function startingVision(
  { config, ...encoder }: HeldEncoder,
  imageSize: number,
  batch: number,
  nextImages: (step: number) => Float32Array | Promise<Float32Array>,
): Promise<HeldEncoder> {
  if (imageSize === config.imageSize) return { config, ...encoder }
  if (imageSize % config.patchSize !== 0)
    throw new ConfigError(
      `pictures of ${imageSize} pixels cannot be cut into patches of ${config.patchSize}; choose a multiple of it`,
    )
  const name = POSITIONS[config.kind]
  const table = encoder.weights.get(name)
  if (!table) throw new WeightsError(`the image encoder lacks '${name}'`)
  // CLIP aligns the corners of the grid, EVA does not (authors' code).
  const options = { alignCorners: config.kind === 'clip' }
  const positions = resizePositions(table, config.width, imageSize / config.patchSize, options)
  const weights = new Map([...encoder.weights, [name, positions]])
  const resized = { ...encoder, weights, config: { ...config, imageSize } }
  if (!config.standardizedFeatures) return resized
  const { mean, std } = await featureStatistics(resized, batch, nextImages)
  return { ...resized, weights: new Map([...weights, [FEATURE_MEAN, mean], [FEATURE_STD, std]]) }
}

/** Mean and deviation of each feature at each place over a sample of pictures. -> [tokens * width], twice */
async function featureStatistics(
  { config, weights, ...encoder }: HeldEncoder,
  batch: number,
  nextImages: (step: number) => Float32Array | Promise<Float32Array>,
) {
  const unstandardized = { ...encoder, config: { ...config, standardizedFeatures: false } }
  const raw = await FrozenEncoder.create({ ...unstandardized, open: async () => heldWeights(weights) }, batch)
  try {
    const width = raw.tokens * config.width
    const steps = Math.max(1, Math.round(SAMPLE / batch))
    const rows = new Float32Array(steps * batch * width)
    for (let step = 0; step < steps; step++) {
      const { data } = await raw.encode(await nextImages(step))
      rows.set(data as Float32Array, step * batch * width)
    }
    return columnStatistics(rows, width)
  } finally {
    await raw.dispose()
  }
}
