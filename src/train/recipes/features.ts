import type { CaptionedPictures } from '../../data/captionedPictures.js'
import type { FeatureIdentity } from '../../data/featureCache/featureIndex.js'
import { FeatureReader } from '../../data/featureCache/featureReader.js'
import type { FixedViews } from '../../data/featureCache/fixedViews.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import type { OptimizationConfig } from '../pretrain/optimization.js'
import { hashJson, hashPictures } from './inputs.js'
import type { PretrainOptions } from './pretrain.js'

/** All that the features of a view depend on. */
export interface FeatureOrigin {
  readonly config: Pick<ModelConfig, 'vision' | 'mean' | 'std'>
  /** Hash of the encoder's weights. */
  readonly vision: string
  readonly pictures: CaptionedPictures
  readonly augment: OptimizationConfig['augment']
}

export const featureIdentity = async ({
  config,
  vision,
  pictures,
  augment,
}: FeatureOrigin): Promise<FeatureIdentity> => ({
  encoder: hashJson([config.vision, vision]),
  preprocessing: hashJson([config.vision.imageSize, config.mean, config.std, augment]),
  data: await hashPictures(pictures),
})

/** The features that a training was told to use. @throws ConfigError where they are of something else */
export async function openFeatures(
  { features, onStatus }: Pick<PretrainOptions, 'features' | 'onStatus'>,
  origin: FeatureOrigin,
): Promise<FeatureReader | undefined> {
  if (features === undefined) return undefined
  onStatus?.('checking the features ...')
  return FeatureReader.open(features, await featureIdentity(origin))
}

/** The setting of a training with cached features: whether they are read or computed, its views are these. */
export const cachedViews = (features: FeatureReader | undefined): { readonly views?: FixedViews } =>
  features ? { views: features.views } : {}
