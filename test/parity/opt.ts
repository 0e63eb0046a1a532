import {
  argmax,
  concat,
  crossEntropy,
  crossEntropyRows,
  Graph,
  reshape,
  slice,
  sum,
  type Tensor,
} from '../../src/graph/index.js'
import { type OptConfig, opt, optDecode, optEmbed, optHead, optPositions } from '../../src/models/opt.js'
import { OPT_MASK, onesLike, paddingBias } from '../../src/nn/attention.js'
import { embedding } from '../../src/nn/layers.js'
import { Scope } from '../../src/nn/scope.js'
import { int64, type Value } from '../../src/runtime/index.js'
import { optConfig } from './configs.js'
import { evaluate } from './evaluate.js'
import { type Fixture, integers, section, tensor, type Values } from './fixture.js'

/** OPT alone: both paddings, without a mask, after a soft prompt, a cached step and a greedy continuation. */
export async function optCase(fixture: Fixture): Promise<Values> {
  const { inputs, weights } = fixture
  const config = optConfig(section(fixture.config, 'opt'), Number(fixture.config['layer_norm_eps'] ?? 1e-5))
  const graph = new Graph()
  const p = new Scope(graph)
  const input = (name: string) => graph.input(name, tensor(inputs, name).dtype, tensor(inputs, name).shape)
  const outputs: Record<string, Tensor> = {}
  const queries = input('query_embeds')
  const queryMask = onesLike(graph, queries.shape.slice(0, 2))

  for (const side of ['right', 'left'] as const) {
    const [ids, mask] = [input(`${side}_ids`), input(`${side}_mask`)]
    const embeddings = optEmbed(p, config, ids)
    const plain = optDecode(p, config, embeddings, mask)
    const logits = optHead(p, config, plain.output)
    outputs[`${side}.logits`] = logits
    outputs[`${side}.loss`] = shiftedLoss(config, logits, graph.input(`${side}_labels`, 'int64', ids.shape)).mean
    plain.hiddenStates.forEach((state, i) => {
      outputs[`${side}.hidden_states.${i}`] = state
    })
    const prompted = optDecode(p, config, concat([queries, embeddings], 1), concat([queryMask, mask], 1))
    const promptedLogits = optHead(p, config, prompted.output)
    const loss = shiftedLoss(config, promptedLogits, input(`prompt_${side}_labels`))
    outputs[`prompt_${side}.logits`] = promptedLogits
    outputs[`prompt_${side}.loss`] = loss.mean
    outputs[`prompt_${side}.loss_sum_per_sample`] = loss.perSample
  }
  const table = p.in('model').in('decoder').in('embed_positions')
  outputs['left.embed_positions'] = embedding(
    table,
    optPositions(input('left_mask')),
    config.maxPositions + 2,
    config.width,
  )
  const first = slice(input('right_ids'), 0, 0, 1)
  const unmasked = optDecode(p, config, optEmbed(p, config, first), onesLike(graph, first.shape))
  outputs['nomask.logits'] = optHead(p, config, unmasked.output)

  const prefill = optDecode(
    p,
    config,
    concat([queries, optEmbed(p, config, input('left_ids'))], 1),
    concat([queryMask, input('left_mask')], 1),
  )
  const [batch, length] = prefill.output.shape as [number, number]
  const last = optHead(p, config, slice(prefill.output, 1, length - 1, length))
  const next = argmax(last)
  outputs['prompt_left.next_token'] = next
  // One step with the cache: only the new token's row of the mask is needed.
  const fullMask = concat([queryMask, input('left_mask'), onesLike(graph, [batch, 1])], 1)
  const step = opt(p, config, {
    embeddings: optEmbed(p, config, next),
    positions: slice(optPositions(fullMask), 1, length, length + 1),
    attentionBias: paddingBias(fullMask, OPT_MASK),
    past: prefill.cache,
  })
  outputs['prompt_left.step_logits'] = optHead(p, config, step.output)

  const labels = (side: 'right' | 'left') => ({ [`${side}_labels`]: maskedLabels(inputs, side) })
  const feeds = { ...inputs, ...weights, ...labels('right'), ...labels('left') }
  const values = await evaluate(outputs, feeds)
  values['prompt_left.greedy8'] = await greedy(fixture, config, 8)
  return values
}

/** Row t predicts label t + 1. */
function shiftedLoss(config: OptConfig, logits: Tensor, targets: Tensor) {
  const [rows, tokens] = targets.shape as [number, number]
  const flat = reshape(slice(logits, 1, 0, tokens - 1), [rows * (tokens - 1), config.vocabularySize])
  const next = reshape(slice(targets, 1, 1, tokens), [rows * (tokens - 1)])
  const perToken = reshape(crossEntropyRows(flat, next), [rows, tokens - 1])
  return { mean: crossEntropy(flat, next), perSample: sum(perToken, [1]) }
}

function maskedLabels(inputs: Values, side: 'right' | 'left'): Value {
  const mask = integers(inputs, `${side}_mask`)
  const labels = integers(inputs, `${side}_ids`).map((id, i) => (mask[i] ? id : -100n))
  return int64(tensor(inputs, `${side}_ids`).shape, BigInt64Array.from(labels))
}

/** The most likely token again and again, without a cache. -> int64 [batch, steps] */
async function greedy({ inputs, weights }: Fixture, config: OptConfig, steps: number): Promise<Value> {
  const queries = tensor(inputs, 'query_embeds')
  const [batch, length] = tensor(inputs, 'left_ids').shape as [number, number]
  const rows = Array.from({ length: batch }, (_, row) => ({
    ids: integers(inputs, 'left_ids').slice(row * length, (row + 1) * length),
    mask: integers(inputs, 'left_mask').slice(row * length, (row + 1) * length),
  }))
  for (let step = 0; step < steps; step++) {
    const shape = [batch, length + step]
    const graph = new Graph()
    const p = new Scope(graph)
    const prompt = graph.input('query_embeds', 'float32', queries.shape)
    const embeddings = concat([prompt, optEmbed(p, config, graph.input('ids', 'int64', shape))], 1)
    const mask = concat([onesLike(graph, queries.shape.slice(0, 2)), graph.input('mask', 'int64', shape)], 1)
    const { output } = optDecode(p, config, embeddings, mask)
    const total = output.size(1) as number
    const next = argmax(optHead(p, config, slice(output, 1, total - 1, total)))
    const feeds = {
      query_embeds: queries,
      ids: int64(shape, BigInt64Array.from(rows.flatMap((row) => row.ids))),
      mask: int64(shape, BigInt64Array.from(rows.flatMap((row) => row.mask))),
    }
    const { next: chosen } = await evaluate({ next }, { ...weights, ...feeds })
    rows.forEach((row, i) => {
      row.ids.push(BigInt(chosen!.data[i]!))
      row.mask.push(1n)
    })
  }
  return int64([batch, steps], BigInt64Array.from(rows.flatMap((row) => row.ids.slice(length))))
}
