import type { Tensor } from '../../graph/graph.js'
import { expand, reshape } from '../../graph/index.js'
import { type BridgeConfig, joint, queryImage, visionNorm } from '../../models/blip2.js'
import { type ImageEncoderConfig, imageFeatures } from '../../models/imageEncoder.js'
import { imageKeyValues } from '../../models/qformer.js'
import { type Dropout, noDropout } from '../../nn/dropout.js'
import type { Scope } from '../../nn/scope.js'

/** A bridge whose image encoder is trained too. */
export interface PictureQueriesConfig extends BridgeConfig {
  readonly vision: ImageEncoderConfig
}

export interface PictureQueriesOptions {
  readonly pictures: number
  /** Texts about each picture, which is encoded once for all of them. */
  readonly textsPerPicture: number
  /** Tokens of the question that the Q-Former reads beside the picture; it sees the picture alone without. */
  readonly questionTokens?: number
  readonly dropout?: Dropout
}

/**
 * What the queries see of pictures, for each text about them. Inputs: 'images' [pictures, 3, size, size], normalised; with
 * `questionTokens` 'question_ids' and 'question_mask' int64 [texts, questionTokens], where texts = pictures x
 * textsPerPicture and those of a picture follow each other. -> [texts, queries, width]
 */
export function pictureQueries(
  p: Scope,
  config: PictureQueriesConfig,
  { pictures, textsPerPicture, questionTokens, dropout = noDropout }: PictureQueriesOptions,
): Tensor {
  const { imageSize } = config.vision
  const images = p.graph.input('images', 'float32', [pictures, 3, imageSize, imageSize])
  const image = visionNorm(p, config, imageFeatures(p, config.vision, images))
  if (questionTokens === undefined) return repeatRows(queryImage(p, config, image, dropout).output, textsPerPicture)
  const question = (name: string) =>
    p.graph.input(`question_${name}`, 'int64', [pictures * textsPerPicture, questionTokens])
  const read = imageKeyValues(p.in('Qformer'), config.qformer, image)
  return joint(p, config, read, question('ids'), question('mask'), dropout)
}

/** Each row `times` times, one after the other. x: [rows, a, b] -> [rows * times, a, b] */
function repeatRows(x: Tensor, times: number): Tensor {
  if (times === 1) return x
  const [rows, a, b] = x.shape as [number, number, number]
  return reshape(expand(reshape(x, [rows, 1, a, b]), [rows, times, a, b]), [rows * times, a, b])
}
