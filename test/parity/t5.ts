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
import {
  relativeBucket,
  relativeBuckets,
  T5_START,
  type T5Config,
  t5Decode,
  t5Decoder,
  t5CrossKeyValues,
  t5Embed,
  t5Encode,
  t5Head,
  t5RelativeBias,
} from '../../src/models/t5.js'
import { OPT_MASK, onesLike, paddingBias } from '../../src/nn/attention.js'
import { Scope } from '../../src/nn/scope.js'
import { int64, type Value } from '../../src/runtime/index.js'
import { shiftRight } from '../../src/train/objectives/stage2T5.js'
import { t5Config } from './configs.js'
import { evaluate } from './evaluate.js'
import { type Fixture, integers, section, tensor, type Values } from './fixture.js'

/** T5 alone: ids and soft prompts, both GELUs, masks, relative positions and a greedy continuation. */
export async function t5Case(fixture: Fixture): Promise<Values> {
  const { inputs, weights, expected } = fixture
  const config = t5Config(section(fixture.config, 't5'))
  const graph = new Graph()
  const p = new Scope(graph)
  const outputs: Record<string, Tensor> = {}
  const input = (name: string) => graph.input(name, tensor(inputs, name).dtype, tensor(inputs, name).shape)
  const [labels, mask, decoderMask] = [input('labels'), input('attention_mask'), input('decoder_attention_mask')]
  const embeddings = t5Embed(p, config, input('input_ids'))
  const queries = input('query_embeds')
  const ids = shiftRight(labels)
  outputs['decoder_input_ids'] = ids
  const promptMask = concat([onesLike(graph, queries.shape.slice(0, 2)), mask], 1)

  for (const gelu of ['exact', 'tanh'] as const) {
    const variant: T5Config = { ...config, gelu }
    const prefix = gelu === 'exact' ? '' : 'gelu_new.'
    for (const [name, x, encodedMask] of [
      ['ids', embeddings, mask],
      ['prompt', concat([queries, embeddings], 1), promptMask],
    ] as const) {
      const encoder = t5Encode(p, variant, x, encodedMask)
      const decoder = t5Decode(p, variant, { ids, mask: decoderMask, encoded: encoder.output, encodedMask })
      const logits = t5Head(p, variant, decoder.output)
      outputs[`${prefix}${name}.encoder`] = encoder.output
      outputs[`${prefix}${name}.logits`] = logits
      outputs[`${prefix}${name}.loss`] = losses(config, logits, labels).mean
      encoder.hiddenStates.forEach((state, i) => {
        outputs[`${prefix}${name}.encoder_hidden_states.${i}`] = state
      })
      decoder.hiddenStates.forEach((state, i) => {
        outputs[`${prefix}${name}.decoder_hidden_states.${i}`] = state
      })
    }
  }
  const encoded = t5Encode(p, config, concat([queries, embeddings], 1), promptMask).output
  const unmasked = t5Decode(p, config, { ids, mask: onesLike(graph, ids.shape), encoded, encodedMask: promptMask })
  outputs['prompt.logits_no_decoder_mask'] = t5Head(p, config, unmasked.output)
  outputs['prompt.loss_sum_per_sample_no_decoder_mask'] = losses(
    config,
    outputs['prompt.logits_no_decoder_mask'],
    labels,
  ).perSample
  for (const name of Object.keys(expected)) {
    const found = /^(encoder|decoder)_bias_(\d+)x(\d+)$/.exec(name)
    if (!found) continue
    const stack = found[1] as 'encoder' | 'decoder'
    const buckets = relativeBuckets(graph, config, stack, Number(found[2]), Number(found[3]))
    outputs[name] = t5RelativeBias(p, config, stack, buckets)
  }
  const values = await evaluate(outputs, { ...inputs, ...weights })
  return { ...values, ...buckets(fixture), 'prompt.greedy8': await greedy(fixture, config, 8) }
}

function losses({ vocabularySize }: T5Config, logits: Tensor, labels: Tensor) {
  const [rows, tokens] = labels.shape as [number, number]
  const [flat, targets] = [reshape(logits, [rows * tokens, vocabularySize]), reshape(labels, [rows * tokens])]
  const perToken = reshape(crossEntropyRows(flat, targets), [rows, tokens])
  return { mean: crossEntropy(flat, targets), perSample: sum(perToken, [1]) }
}

/** The bucket of each relative position, for the numbers of buckets that the names say. */
function buckets({ inputs, expected }: Fixture): Values {
  const values: Values = {}
  for (const name of Object.keys(expected)) {
    const found = /^buckets_(bidir|causal)_(\d+)_(\d+)$/.exec(name)
    if (!found) continue
    const sizes = { relativeBuckets: Number(found[2]), relativeMaxDistance: Number(found[3]) }
    const stack = found[1] === 'bidir' ? 'encoder' : 'decoder'
    const positions = integers(inputs, 'relative_positions')
    values[name] = int64(
      [positions.length],
      positions.map((distance) => relativeBucket(Number(distance), sizes, stack)),
    )
  }
  return values
}

/** The most likely token again and again, each from the keys and values of those before. -> int64 [batch, 1 + steps] */
async function greedy({ inputs, weights }: Fixture, config: T5Config, steps: number): Promise<Value> {
  const graph = new Graph()
  const p = new Scope(graph)
  const input = (name: string) => graph.input(name, tensor(inputs, name).dtype, tensor(inputs, name).shape)
  const queries = input('query_embeds')
  const [batch] = queries.shape as [number]
  const mask = concat([onesLike(graph, queries.shape.slice(0, 2)), input('attention_mask')], 1)
  const { output } = t5Encode(p, config, concat([queries, t5Embed(p, config, input('input_ids'))], 1), mask)
  const cross = t5CrossKeyValues(p, config, output)
  let token = graph.constant(new BigInt64Array(batch).fill(BigInt(T5_START)), [batch, 1])
  const tokens = [token]
  let past: ReturnType<typeof t5Decoder>['cache'] | undefined
  for (let step = 0; step < steps; step++) {
    const decoded = t5Decoder(p, config, {
      embeddings: t5Embed(p, config, token),
      attentionBias: t5RelativeBias(p, config, 'decoder', relativeBuckets(graph, config, 'decoder', 1, step + 1)),
      cross,
      crossBias: paddingBias(mask, OPT_MASK),
      ...(past ? { past } : {}),
    })
    past = decoded.cache
    token = argmax(t5Head(p, config, slice(decoded.output, 1, 0, 1)))
    tokens.push(token)
  }
  const { found } = await evaluate({ found: concat(tokens, 1) }, { ...inputs, ...weights })
  return found!
}
