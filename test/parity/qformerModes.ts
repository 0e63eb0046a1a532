import {
  concat,
  crossEntropy,
  crossEntropyRows,
  Graph,
  reshape,
  slice,
  sum,
  type Tensor,
} from '../../src/graph/index.js'
import { bidirectionalBias, languageHead, qformer, type QFormerOutput, queryTokens } from '../../src/models/qformer.js'
import { BERT_MASK, causalBias, onesLike, OPT_MASK, paddingBias } from '../../src/nn/attention.js'
import { Scope } from '../../src/nn/scope.js'
import { generationBias } from '../../src/train/objectives/itg.js'
import { qformerConfig } from './configs.js'
import { evaluate } from './evaluate.js'
import { type Fixture, number, section, tensor, type Values } from './fixture.js'

/** The Q-Former's passes: queries alone, text alone, both, caption generation cached, in one pass and step by step. */
export function qformerModes(fixture: Fixture): Promise<Values> {
  const config = qformerConfig(section(fixture.config, 'qformer'))
  const labelSmoothing = number(fixture.config, 'label_smoothing')
  const graph = new Graph()
  const p = new Scope(graph)
  const q = p.in('Qformer')
  const input = (name: string) => {
    const { dtype, shape } = tensor(fixture.inputs, name)
    return graph.input(name, dtype, shape)
  }
  const [image, textIds, textMask, imageMask] = ['image_embeds', 'text_ids', 'text_mask', 'image_mask'].map(input) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ]
  const [itgIds, itgLabels] = [input('itg_ids'), input('itg_labels')]
  const [batch, tokens] = textIds.shape as [number, number]
  const { queries: queryCount, vocabularySize, width } = config
  const queries = queryTokens(p, config, image)
  const queryMask = onesLike(graph, [batch, queryCount])
  const outputs: Record<string, Tensor> = {}
  const record = (name: string, { output, hiddenStates }: QFormerOutput) => {
    outputs[`${name}.last_hidden_state`] = output
    hiddenStates.forEach((state, i) => {
      outputs[`${name}.hidden_states.${i}`] = state
    })
  }
  const losses = (name: string, logits: Tensor) => {
    const rows = reshape(slice(logits, 1, 0, tokens - 1), [batch * (tokens - 1), vocabularySize])
    const labels = reshape(slice(itgLabels, 1, 1, tokens), [batch * (tokens - 1)])
    outputs[`${name}.loss`] = crossEntropy(rows, labels, { labelSmoothing })
    const perRow = reshape(crossEntropyRows(rows, labels, { labelSmoothing }), [batch, tokens - 1])
    outputs[`${name}.loss_sum_per_sample`] = sum(perRow, [1])
  }

  const a = qformer(q, config, { queries, image })
  record('a', a)
  a.cache.forEach(({ key, value }, i) => {
    outputs[`a.past.${i}.key`] = key
    outputs[`a.past.${i}.value`] = value
  })
  record('a_imgmask', qformer(q, config, { queries, image, imageBias: paddingBias(imageMask, OPT_MASK) }))
  record('b', qformer(q, config, { textIds, attentionBias: bidirectionalBias(textMask) }))
  record('c', qformer(q, config, { queries, textIds, image, attentionBias: bidirectionalBias(textMask, queryMask) }))

  const generated = qformer(q, config, {
    textIds: itgIds,
    past: a.cache,
    attentionBias: generationBias(textMask, queryCount),
  })
  record('d', generated)
  outputs['d.logits'] = languageHead(q, config, generated.output)
  losses('d', outputs['d.logits'])

  // One pass: queries see queries only, text sees queries and the text before it.
  const blind = graph.constant(new Float32Array(batch * queryCount * tokens).fill(BERT_MASK), [
    batch,
    1,
    queryCount,
    tokens,
  ])
  const seen = graph.constant(new Float32Array(batch * queryCount * queryCount), [batch, 1, queryCount, queryCount])
  const attentionBias = concat([concat([seen, blind], 3), generationBias(textMask, queryCount)], 2)
  const onePass = qformer(q, config, { queries, textIds: itgIds, image, attentionBias }).output
  outputs['e.logits'] = languageHead(q, config, slice(onePass, 1, queryCount, queryCount + tokens))
  losses('e', outputs['e.logits'])

  // Row 0: five tokens cached, then one step; and the six in one pass.
  const prefix = 5
  const row = (x: Tensor) => slice(x, 0, 0, 1)
  const past = a.cache.map(({ key, value }) => ({ key: row(key), value: row(value) }))
  const generate = (ids: Tensor, cache: typeof past, firstPosition: number, bias?: Tensor) =>
    qformer(q, config, { textIds: ids, past: cache, firstPosition, ...(bias ? { attentionBias: bias } : {}) })
  const ids = row(itgIds)
  const visible = (length: number) =>
    concat([zeros(graph, length, queryCount), causalBias(onesLike(graph, [1, length]), BERT_MASK)], 3)
  const cached = generate(slice(ids, 1, 0, prefix), past, 0, visible(prefix))
  const step = generate(slice(ids, 1, prefix, prefix + 1), [...cached.cache], prefix)
  outputs['f.step_logits'] = languageHead(q, config, step.output)
  const full = generate(slice(ids, 1, 0, prefix + 1), past, 0, visible(prefix + 1))
  outputs['f.full_logits'] = languageHead(q, config, reshape(full.output, [1, prefix + 1, width]))

  return evaluate(outputs, { ...fixture.inputs, ...fixture.weights })
}

const zeros = (graph: Graph, rows: number, columns: number) =>
  graph.constant(new Float32Array(rows * columns), [1, 1, rows, columns])
