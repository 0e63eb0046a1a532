import { ConfigError } from '../errors.js'
import type { Tensor } from '../graph/graph.js'
import { add, div, sub } from '../graph/index.js'
import { ones, type Scope, zeros } from '../nn/scope.js'
import { evaVit } from './evaVit.js'
import { placeCodes } from './placeCodes.js'
import { clipVit, patchCount, type VitConfig, type VitOutput } from './vit.js'

/** Scope of the frozen encoder's weights, as the authors call it. */
export const IMAGE_ENCODER = 'visual_encoder'

/** A vision transformer in one of the two forms that BLIP-2 was built on. */
export interface VisionConfig extends VitConfig {
  readonly kind: 'clip' | 'eva'
}

export interface ImageEncoderConfig extends VisionConfig {
  /** The weights hold the mean and deviation of every feature, which are taken out of it. */
  readonly standardizedFeatures: boolean
  /**
   * Root mean square of the sines and cosines of a patch's place that are added to its standardised features. Taking
   * the mean of each token out of it takes its place out as well, and the Q-Former has no positions for patches.
   */
  readonly featurePlaces: number
}

/** An encoder that comes as an ONNX file, which is run as it is. */
export interface OnnxEncoderConfig {
  readonly kind: 'onnx'
  readonly imageSize: number
  /** Of a picture, whatever they stand for. */
  readonly tokens: number
  readonly width: number
}

/** Any frozen encoder: drawn here, or an ONNX file. */
export type AnyEncoderConfig<Drawn = ImageEncoderConfig> = Drawn | OnnxEncoderConfig

/** Tokens of a picture, a class token included. */
export const featureTokens = (config: AnyEncoderConfig<VisionConfig>): number =>
  config.kind === 'onnx' ? config.tokens : 1 + patchCount(config)

/**
 * The grid of patches behind the class token. @throws ConfigError where the tokens of an ONNX file are not one more than
 * a square
 */
export function patchGrid(config: AnyEncoderConfig<VisionConfig>): { readonly rows: number; readonly columns: number } {
  const side = Math.sqrt(featureTokens(config) - 1)
  if (side >= 1 && Number.isInteger(side)) return { rows: side, columns: side }
  throw new ConfigError(
    `the image encoder gives ${featureTokens(config)} tokens, which are no class token and a square of patches: where they lie in the picture is not known`,
  )
}

/** @throws ConfigError for an encoder that is an ONNX file, naming what cannot be done with it */
export function requireDrawn<Config extends AnyEncoderConfig<VisionConfig>>(
  config: Config,
  task: string,
): Exclude<Config, OnnxEncoderConfig> {
  if (config.kind !== 'onnx') return config as Exclude<Config, OnnxEncoderConfig>
  throw new ConfigError(
    `${task} needs an image encoder in the form of CLIP or EVA; that of this model is an ONNX file, which is only run`,
  )
}

/** Names of the statistics among the encoder's weights; each is [1 + patches, width]. */
export const FEATURE_MEAN = `${IMAGE_ENCODER}.feature_mean`
export const FEATURE_STD = `${IMAGE_ENCODER}.feature_std`

/** The transformer alone. p: the root scope; images: [batch, 3, size, size], normalised */
export const vit = (p: Scope, config: VisionConfig, images: Tensor): VitOutput =>
  (config.kind === 'eva' ? evaVit : clipVit)(p.in(IMAGE_ENCODER), config, images)

/**
 * The frozen encoder as the Querying Transformer sees it. The tokens of a small encoder are mostly what all pictures
 * share, which would hide what tells them apart; with `standardizedFeatures` each has mean 0 and deviation 1 over the
 * training pictures, plus `featurePlaces`. p: the root scope; images: [batch, 3, size, size], normalised -> [batch, 1 + patches, width]
 */
export function imageFeatures(p: Scope, config: ImageEncoderConfig, images: Tensor): Tensor {
  const { output } = vit(p, config, images)
  if (!config.standardizedFeatures) return output
  const shape = [1 + patchCount(config), config.width]
  const [mean, std] = [p.parameter(FEATURE_MEAN, shape, zeros), p.parameter(FEATURE_STD, shape, ones)]
  const standardized = div(sub(output, mean), std)
  if (config.featurePlaces === 0) return standardized
  const codes = placeCodes(Math.sqrt(patchCount(config)), config.width, config.featurePlaces * Math.SQRT2)
  return add(standardized, p.graph.constant(codes, shape))
}
