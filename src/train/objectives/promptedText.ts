import type { Graph, Tensor } from '../../graph/graph.js'
import { crossEntropy, expand, reshape, slice } from '../../graph/index.js'
import {
  decodeText,
  joint,
  OPT_MODEL,
  queryImage,
  type Stage2Config,
  softPrompt,
  visionNorm,
} from '../../models/blip2.js'
import { type ImageEncoderConfig, imageFeatures } from '../../models/imageEncoder.js'
import { optHead } from '../../models/opt.js'
import { type Dropout, noDropout } from '../../nn/dropout.js'
import { Scope } from '../../nn/scope.js'

/** A model whose image encoder is trained too. */
export interface PromptedTextConfig extends Stage2Config {
  readonly vision: ImageEncoderConfig
}

export interface PromptedTextOptions {
  readonly pictures: number
  /** Texts about each picture, which is encoded once for all of them. */
  readonly textsPerPicture: number
  /** Tokens of prompt and text together. */
  readonly tokens: number
  /** Tokens of the question that the Q-Former reads beside the picture; it sees the picture alone without. */
  readonly questionTokens?: number
  readonly dropout?: Dropout
}

/**
 * Fine-tuning for captions and answers (paper 4.2 and 4.3): a frozen decoder writes a text after the soft prompt and a
 * prompt of words, and image encoder, Q-Former and projection are trained. Inputs: 'images' [pictures, 3, size, size],
 * normalised; 'ids' and 'mask' int64 [texts, tokens], prompt and text in a row, where texts = pictures x textsPerPicture
 * and those of a picture follow each other; 'labels' int64 [texts, tokens], -100 on the prompt and on padding; with
 * `questionTokens` 'question_ids' and 'question_mask' int64 [texts, questionTokens]. The loss is the mean over the labels
 * that count.
 */
export function promptedText(graph: Graph, config: PromptedTextConfig, options: PromptedTextOptions) {
  const { pictures, textsPerPicture, tokens, questionTokens, dropout = noDropout } = options
  const p = new Scope(graph)
  const { imageSize } = config.vision
  const texts = pictures * textsPerPicture
  const integers = (name: string, length: number) => graph.input(name, 'int64', [texts, length])

  const features = imageFeatures(
    p,
    config.vision,
    graph.input('images', 'float32', [pictures, 3, imageSize, imageSize]),
  )
  const image = repeatRows(visionNorm(p, config, features), textsPerPicture)
  const queryOutput =
    questionTokens === undefined
      ? queryImage(p, config, image, dropout).output
      : joint(
          p,
          config,
          image,
          integers('question_ids', questionTokens),
          integers('question_mask', questionTokens),
          dropout,
        )
  const prompt = softPrompt(p, config, queryOutput)
  const decoded = decodeText(p, config, prompt, integers('ids', tokens), integers('mask', tokens))
  // Each label is predicted by the position before it: the first by the last query.
  const { queries } = config.qformer
  const predicting = slice(decoded.output, 1, queries - 1, queries + tokens - 1)
  const rows = reshape(predicting, [texts * tokens, predicting.size(-1)])
  const labels = reshape(integers('labels', tokens), [texts * tokens])
  return { scope: p, loss: crossEntropy(optHead(p.in(OPT_MODEL), config.language, rows), labels) }
}

/** Each row `times` times, one after the other. x: [rows, a, b] -> [rows * times, a, b] */
function repeatRows(x: Tensor, times: number): Tensor {
  if (times === 1) return x
  const [rows, a, b] = x.shape as [number, number, number]
  return reshape(expand(reshape(x, [rows, 1, a, b]), [rows, times, a, b]), [rows * times, a, b])
}
