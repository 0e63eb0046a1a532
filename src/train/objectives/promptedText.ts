import type { Graph } from '../../graph/graph.js'
import { add, crossEntropy, gather, reshape, slice } from '../../graph/index.js'
import { decodeText, OPT_MODEL, softPrompt } from '../../models/blip2.js'
import { type OptConfig, optHead } from '../../models/opt.js'
import { Scope } from '../../nn/scope.js'
import { type PictureQueriesConfig, type PictureQueriesOptions, pictureQueries } from './pictureQueries.js'

export interface PromptedTextConfig extends PictureQueriesConfig {
  readonly language: OptConfig
}

export interface PromptedTextOptions extends PictureQueriesOptions {
  /** Tokens of prompt and text together. */
  readonly tokens: number
  /** Tokens of the text, which are its labels. */
  readonly textTokens: number
}

/**
 * Fine-tuning for captions and answers (paper 4.2 and 4.3): a frozen decoder writes a text after the soft prompt and a
 * prompt of words, and image encoder, Q-Former and projection are trained. Inputs, besides those of `pictureQueries`:
 * 'ids' and 'mask' int64 [texts, tokens], prompt and text in a row; 'targets' int64 [texts, textTokens], the text's tokens,
 * -100 where there are fewer, and 'places' int64 [texts, textTokens], where in the row each of them is. The loss is the
 * mean over the targets that count; nothing else goes through the head.
 */
export function promptedText(graph: Graph, config: PromptedTextConfig, options: PromptedTextOptions) {
  const { tokens, textTokens, ...pictured } = options
  const p = new Scope(graph)
  const texts = options.pictures * options.textsPerPicture
  const integers = (name: string, length: number) => graph.input(name, 'int64', [texts, length])
  const prompt = softPrompt(p, config, pictureQueries(p, config, pictured))
  const decoded = decodeText(p, config, prompt, integers('ids', tokens), integers('mask', tokens))
  // Each token is predicted by the position before it: the first by the last query.
  const { queries } = config.qformer
  const predicting = slice(decoded.output, 1, queries - 1, queries + tokens - 1)
  const rows = reshape(predicting, [texts * tokens, predicting.size(-1)])
  const firstRows = graph.constant(
    BigInt64Array.from({ length: texts }, (_, text) => BigInt(text * tokens)),
    [texts, 1],
  )
  const places = reshape(add(integers('places', textTokens), firstRows), [texts * textTokens])
  const logits = optHead(p.in(OPT_MODEL), config.language, gather(rows, 0, places))
  return { scope: p, loss: crossEntropy(logits, reshape(integers('targets', textTokens), [texts * textTokens])) }
}
