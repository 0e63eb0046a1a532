import { reshape } from '../../graph/index.js'
import { FEATURE_MEAN, FEATURE_STD } from '../../models/imageEncoder.js'
import { patchCount } from '../../models/vit.js'
import type { PartWeight } from '../../weights/modelDirectory.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import type { Drawings } from './batches.js'
import { columnStatistics } from './columnStatistics.js'
import { DrawingEncoder } from './drawingEncoder.js'
import type { VisionTrainingConfig } from './trainVision.js'

/** At most this many pictures, spread over the train split, give the statistics. */
const SAMPLE = 2048

/** What the trained encoder's features are standardised by, as weights of the encoder. Each is [1 + patches, width]. */
export async function featureStatistics(
  config: VisionTrainingConfig,
  memory: ParameterMemory,
  data: Drawings,
): Promise<Map<string, PartWeight>> {
  const tokens = 1 + patchCount(config.vision)
  const { width } = config.vision
  await using encoder = await DrawingEncoder.create(config, memory, (_, features) =>
    reshape(features, [features.shape[0] as number, tokens * width]),
  )
  const pictures = data.split('train')
  const every = Math.ceil(pictures.length / SAMPLE)
  const sample = pictures.filter((_, i) => i % every === 0)
  const { mean, std } = columnStatistics(await encoder.encode(data, sample), tokens * width)
  return new Map([
    [FEATURE_MEAN, { shape: [tokens, width], data: mean }],
    [FEATURE_STD, { shape: [tokens, width], data: std }],
  ])
}
