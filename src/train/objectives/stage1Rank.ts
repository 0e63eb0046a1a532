import type { Graph, Tensor } from '../../graph/graph.js'
import { add, mul, slice } from '../../graph/index.js'
import { type Stage1Config, visionNorm } from '../../models/blip2.js'
import { imageKeyValues } from '../../models/qformer.js'
import { noDropout } from '../../nn/dropout.js'
import { Scope } from '../../nn/scope.js'
import { itcLoss, itcLossWithIds, sameIds, similaritiesOfRank, similarityRows } from './itc.js'
import { itg } from './itg.js'
import { hardNegatives, matchAgainst } from './itm.js'
import { embed, type Stage1Options, temperatureOf } from './stage1.js'

/** Stage 1 shared by ranks. `batch` is the number of a rank's own samples. */
export interface Stage1RankOptions extends Stage1Options {
  readonly rank: number
  readonly ranks: number
}

/**
 * Before the step: the vectors of the rank's own samples, for all ranks to gather. Inputs: 'features' [batch, patches,
 * encoderWidth], 'ids' and 'mask' int64 [batch, tokens]. Dropouts have the names they have in the step.
 * -> [batch, queries, embeddingWidth], [batch, embeddingWidth]
 */
export function stage1Vectors(graph: Graph, config: Stage1Config, options: Stage1RankOptions) {
  const scope = new Scope(graph)
  const { imageVectors, textVectors } = embed(scope, config, {
    ...ownInputs(graph, config, options),
    dropout: options.dropout ?? noDropout,
  })
  return { scope, imageVectors, textVectors }
}

/**
 * Then: negatives for the rank's samples among those of all ranks, as numbers in the whole batch. Inputs:
 * 'all_image_vectors' [all, queries, embeddingWidth], 'all_text_vectors' [all, embeddingWidth], 'image_noise' and
 * 'text_noise' [batch, all] (Gumbel), and 'image_ids' int64 [all] where `imageIds` is set. -> int64 [batch], twice
 */
export function stage1Negatives(graph: Graph, config: Stage1Config, options: Stage1RankOptions) {
  const { batch, rank, ranks } = options
  const scope = new Scope(graph)
  const all = gatheredInputs(graph, config, options)
  const [first, end] = [rank * batch, (rank + 1) * batch]
  const own = { image: slice(all.image, 0, first, end), text: slice(all.text, 0, first, end) }
  const { imageToText, textToImage } = similarityRows(own, all, temperatureOf(scope))
  const imageIds = imageIdsOf(graph, options)
  const excluded = sameIds(slice(imageIds, 0, first, end), imageIds)
  const noise = (name: string) => graph.input(name, 'float32', [batch, batch * ranks])
  return {
    scope,
    negativeImages: hardNegatives(textToImage, excluded, noise('image_noise')),
    negativeTexts: hardNegatives(imageToText, excluded, noise('text_noise')),
  }
}

/**
 * The step itself: what this rank adds to the three objectives (paper 3.2), such that the mean of the ranks' losses and
 * gradients is that of one rank with all samples. Inputs besides those above: 'negative_features' [batch, patches,
 * encoderWidth], 'negative_ids' and 'negative_mask' int64 [batch, tokens], and 'token_weight' []: what the mean over the
 * rank's tokens is multiplied by in ITG. The rank's share of all tokens, times the ranks, gives the mean over all
 * tokens; 1 gives the mean of the ranks' means, as the authors' code has it.
 */
export function stage1Rank(graph: Graph, config: Stage1Config, options: Stage1RankOptions) {
  const { batch, tokens, rank, itcGradient, dropout = noDropout } = options
  const p = new Scope(graph)
  const { features, ids, mask } = ownInputs(graph, config, options)
  const { queried, imageVectors, textVectors } = embed(p, config, { features, ids, mask, dropout })

  const all = gatheredInputs(graph, config, options)
  const first = rank * batch
  const own = { image: imageVectors, text: textVectors }
  const similarity = similaritiesOfRank(own, all, first, temperatureOf(p), itcGradient)
  const imageIds = imageIdsOf(graph, options)
  const rows = { start: itcGradient === 'full' ? 0 : first, count: similarity.imageToText.size(0) as number }
  const targets = graph.integers(Array.from({ length: rows.count }, (_, row) => rows.start + row))
  const itc = options.imageIds
    ? itcLossWithIds(similarity, slice(imageIds, 0, rows.start, rows.start + rows.count), imageIds)
    : itcLoss(similarity, targets)

  const negativeText = (name: string) => graph.input(name, 'int64', [batch, tokens])
  const negatives = {
    image: imageKeyValues(
      p.in('Qformer'),
      config.qformer,
      visionNorm(p, config, graph.input('negative_features', 'float32', features.shape)),
    ),
    ids: negativeText('negative_ids'),
    mask: negativeText('negative_mask'),
  }
  const matching = matchAgainst(p, config, { image: queried.imageCache, ids, mask, negatives, dropout })
  const { decoderToken, padToken } = options
  const generation = itg(p, config, { ids, mask, past: queried.cache, decoderToken, padToken, dropout })
  const itgTerm = mul(generation.loss, graph.input('token_weight', 'float32', []))
  const loss = add(add(itc, matching.loss), itgTerm)
  return { scope: p, loss, itc, itm: matching.loss, itg: itgTerm, similarity, targets }
}

const ownInputs = (graph: Graph, config: Stage1Config, { batch, patches, tokens }: Stage1RankOptions) => ({
  features: graph.input('features', 'float32', [batch, patches, config.qformer.encoderWidth]),
  ids: graph.input('ids', 'int64', [batch, tokens]),
  mask: graph.input('mask', 'int64', [batch, tokens]),
})

function gatheredInputs(graph: Graph, { qformer, embeddingWidth }: Stage1Config, options: Stage1RankOptions) {
  const all = options.batch * options.ranks
  return {
    image: graph.input('all_image_vectors', 'float32', [all, qformer.queries, embeddingWidth]),
    text: graph.input('all_text_vectors', 'float32', [all, embeddingWidth]),
  }
}

/** What each sample of the whole batch is a picture of: its own number where they are all different. */
function imageIdsOf(graph: Graph, { batch, ranks, imageIds }: Stage1RankOptions): Tensor {
  const all = batch * ranks
  return imageIds
    ? graph.input('image_ids', 'int64', [all])
    : graph.integers(Array.from({ length: all }, (_, sample) => sample))
}
