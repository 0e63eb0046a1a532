import type { Graph } from '../../graph/graph.js'
import { softPromptT5 } from '../../models/blip2.js'
import type { T5Config } from '../../models/t5.js'
import { Scope } from '../../nn/scope.js'
import { type PictureQueriesConfig, type PictureQueriesOptions, pictureQueries } from './pictureQueries.js'
import { suffixLoss } from './stage2T5.js'

export interface PromptedTextT5Config extends PictureQueriesConfig {
  readonly language: T5Config
}

export interface PromptedTextT5Options extends PictureQueriesOptions {
  /** Tokens of the prompt, which the encoder reads after the soft prompt. */
  readonly inputTokens: number
  /** Tokens of the text, which the decoder writes. */
  readonly outputTokens: number
}

/**
 * `promptedText` with a frozen encoder and decoder. Inputs, besides those of `pictureQueries`: those of `suffixLoss`. The
 * loss is the mean over the labels that count.
 */
export function promptedTextT5(graph: Graph, config: PromptedTextT5Config, options: PromptedTextT5Options) {
  const { inputTokens, outputTokens, ...pictured } = options
  const p = new Scope(graph)
  const prompt = softPromptT5(p, config, pictureQueries(p, config, pictured))
  return { scope: p, loss: suffixLoss(p, config, prompt, { inputTokens, outputTokens }).loss }
}
