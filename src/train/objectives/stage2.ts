import type { Graph } from '../../graph/graph.js'
import { crossEntropy, reshape, slice } from '../../graph/index.js'
import { decodeText, OPT_MODEL, queryImage, type Stage2Config, softPrompt, visionNorm } from '../../models/blip2.js'
import { optHead } from '../../models/opt.js'
import { type Dropout, noDropout } from '../../nn/dropout.js'
import { Scope } from '../../nn/scope.js'

export interface Stage2Options {
  readonly batch: number
  /** Patches of the frozen encoder, the class token included. */
  readonly patches: number
  readonly tokens: number
  readonly dropout?: Dropout
}

/** The frozen language model's weights; everything else of stage 2 is trained. */
export const LANGUAGE_MODEL = `${OPT_MODEL}.`

/**
 * Language modelling from the soft prompt (paper 3.3, decoder-based). Inputs: 'features' [batch, patches,
 * encoderWidth], 'ids' and 'mask' int64 [batch, tokens], 'targets' int64 [batch, queries + tokens]: the label of each
 * position, -100 where none counts and on all queries. The loss is the mean over the labels that count; each is predicted by the position
 * before it, so the first text token is predicted by the last query.
 */
export function stage2(
  graph: Graph,
  config: Stage2Config,
  { batch, patches, tokens, dropout = noDropout }: Stage2Options,
) {
  const p = new Scope(graph)
  const length = config.qformer.queries + tokens
  const features = graph.input('features', 'float32', [batch, patches, config.qformer.encoderWidth])
  const ids = graph.input('ids', 'int64', [batch, tokens])
  const mask = graph.input('mask', 'int64', [batch, tokens])
  const targets = graph.input('targets', 'int64', [batch, length])

  const queryOutput = queryImage(p, config, visionNorm(p, config, features), dropout).output
  const prompt = softPrompt(p, config, queryOutput)
  const decoded = decodeText(p, config, prompt, ids, mask)
  // Labels count on text only, so the head runs on the last query and the tokens but the last.
  const { queries } = config.qformer
  const predicting = slice(decoded.output, 1, queries - 1, length - 1)
  const rows = reshape(predicting, [batch * tokens, predicting.size(-1)])
  const labels = reshape(slice(targets, 1, queries, length), [batch * tokens])
  const loss = crossEntropy(optHead(p.in(OPT_MODEL), config.language, rows), labels)
  return { scope: p, loss, decoded: decoded.output, queryOutput, prompt }
}
