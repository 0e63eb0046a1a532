import type { FeatureIndex } from '../../data/featureCache/featureIndex.js'
import { writeFeatures } from '../../data/featureCache/writeFeatures.js'
import { openVisionModel } from '../../frozen/visionModel.js'
import { SHIPPED_MODEL } from '../../weights/shippedModel.js'
import { FrozenEncoder } from '../pretrain/frozenEncoder.js'
import { PRETRAIN_PRESETS, type PretrainPresetName } from '../pretrain/presets.js'
import { featureIdentity } from './features.js'
import { frozenEncoderOf, visionPart } from './frozenParts.js'
import { hashFrozen } from './inputs.js'
import { trainingPictures } from './trainingPictures.js'

export interface CacheFeaturesOptions {
  /** The frozen image encoder, as `openVisionModel` takes it (default: the one that ships). */
  readonly model?: string
  /** What is trained on, see trainingPictures. */
  readonly data: string
  /** Its augmentation is used. */
  readonly preset: PretrainPresetName
  /** Folder of the features. */
  readonly out: string
  /** Views of each picture, and the seed that they are drawn from. */
  readonly views: number
  readonly seed: number
  /** Go on after the last finished shard. */
  readonly resume: boolean
  /** Views that are encoded at a time. Default 32. */
  readonly batch?: number
  /** Renders of the embedded data set, and converted weights (default: the usual cache). */
  readonly cacheDir?: string
  readonly onStatus?: (status: string) => void
  readonly onProgress?: (views: number, total: number) => void
  readonly signal?: AbortSignal
}

/** `blip2 data cache`: what the frozen encoder makes of the pictures, once and for all trainings. */
export async function cacheFeatures(options: CacheFeaturesOptions): Promise<FeatureIndex> {
  const { model, data, preset, out, views: count, seed, resume, batch = 32, onStatus, onProgress, signal } = options
  const { config, weights } = await openVisionModel(model ?? SHIPPED_MODEL, signal ? { signal } : {})
  const vision = visionPart(weights, config)
  const pictures = await trainingPictures(data, config.vision.imageSize, options)
  const { augment } = PRETRAIN_PRESETS[preset].stage1.optimization
  const { mean, std } = config
  const encoder = await FrozenEncoder.create(frozenEncoderOf(config, vision, options), batch)
  try {
    const input = {
      pictures,
      augment: { ...augment, size: config.vision.imageSize, mean, std },
      identity: await featureIdentity({ config, vision: await hashFrozen(vision), pictures, augment }),
      tokens: encoder.tokens,
      width: config.vision.width,
      batch,
      encode: async (images: Float32Array) => (await encoder.encode(images)).data as Float32Array,
    }
    onStatus?.('encoding the pictures ...')
    return await writeFeatures(out, input, {
      views: { count, seed },
      resume,
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    })
  } finally {
    await encoder.dispose()
  }
}
