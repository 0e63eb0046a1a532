import { Graph, linear, mean, normalize, reshape, slice, softmax, type Tensor } from '../../src/graph/index.js'
import {
  encodeText,
  imageEmbedding,
  joint,
  matchHead,
  queryImage,
  type Stage1Config,
  textEmbedding,
  visionNorm,
} from '../../src/models/blip2.js'
import { languageHead } from '../../src/models/qformer.js'
import { Scope } from '../../src/nn/scope.js'
import { float32, int64, type Value } from '../../src/runtime/index.js'
import { maxOverQueries } from '../../src/train/objectives/itc.js'
import { maskedSimilarity } from '../../src/train/objectives/itm.js'
import { stage1 } from '../../src/train/objectives/stage1.js'
import { rerank } from '../../src/eval/rerank.js'
import { qformerConfig } from './configs.js'
import { evaluate } from './evaluate.js'
import { type Fixture, number, section, tensor, type Values } from './fixture.js'
import { evaluateWithGradients } from './gradients.js'

/** Stage 1 as a whole, with both kinds of ITC gradient; retrieval fine-tuning; feature extraction; re-ranking. */
export async function stage1Losses(fixture: Fixture): Promise<Values> {
  const { config, inputs, weights } = fixture
  const settings: Stage1Config = {
    qformer: qformerConfig(section(config, 'qformer')),
    visionLayerNormEpsilon: number(config, 'ln_vision_eps'),
    embeddingWidth: number(config, 'embed_dim'),
  }
  const values: Values = {}
  for (const [gradient, prefix] of [
    ['gathered', 'grad'],
    ['full', 'gradfull'],
  ] as const) {
    const { drawn, feeds } = draw(fixture, settings, gradient, false)
    const { logits } = lmLogits(settings, drawn)
    const outputs = {
      loss: drawn.loss,
      loss_itc: drawn.itc,
      loss_itm: drawn.itm,
      loss_lm: drawn.itg,
      image_feats: drawn.imageVectors,
      text_feat: drawn.textVectors,
      sim_i2t: drawn.similarity.imageToText,
      sim_t2i: drawn.similarity.textToImage,
      'itm.weights_t2i': softmax(maskedSimilarity(drawn.similarity.textToImage, drawn.excluded)),
      'itm.weights_i2t': softmax(maskedSimilarity(drawn.similarity.imageToText, drawn.excluded)),
      'itm.neg_image_idx': drawn.negativeImages,
      'itm.neg_text_idx': drawn.negativeTexts,
      'itm.head_per_query': drawn.matching.perQuery,
      'itm.logits': drawn.matching.logits,
      'lm.logits': logits,
      'lm.labels_shifted': drawn.generation.labels,
    }
    Object.assign(values, await evaluateWithGradients(outputs, drawn.loss, drawn.scope.specs, prefix, feeds))
  }
  const batch = tensor(inputs, 'image').shape[0]!
  values['itm.labels'] = int64(
    [3 * batch],
    Array.from({ length: 3 * batch }, (_, row) => (row < batch ? 1 : 0)),
  )

  const { drawn, feeds } = draw(fixture, settings, 'gathered', true)
  const retrieval = await evaluate(
    {
      'ret.loss': drawn.loss,
      'ret.loss_itc': drawn.itc,
      'ret.loss_itm': drawn.itm,
      'ret.loss_lm': drawn.itg,
      'ret.neg_image_idx': drawn.negativeImages,
      'ret.neg_text_idx': drawn.negativeTexts,
      'ret.weights_t2i': softmax(maskedSimilarity(drawn.similarity.textToImage, drawn.excluded)),
      'ret.weights_i2t': softmax(maskedSimilarity(drawn.similarity.imageToText, drawn.excluded)),
    },
    feeds,
  )
  return {
    ...values,
    ...retrieval,
    ...(await inference(fixture, settings)),
    ...(await reranking(fixture, settings, weights)),
  }
}

function draw(fixture: Fixture, settings: Stage1Config, itcGradient: 'full' | 'gathered', imageIds: boolean) {
  const { config, inputs, weights } = fixture
  const [batch, patches] = tensor(inputs, 'image').shape as [number, number]
  const tokens = tensor(inputs, 'text_ids').shape[1]!
  const drawn = stage1(new Graph(), settings, {
    batch,
    patches,
    tokens,
    decoderToken: number(config, 'dec'),
    padToken: number(config, 'pad'),
    itcGradient,
    imageIds,
  })
  // No noise: the likeliest negative, as the fixture has it.
  const noise = float32([batch, batch], new Float32Array(batch * batch))
  const feeds: Values = {
    ...weights,
    features: tensor(inputs, 'image'),
    ids: tensor(inputs, 'text_ids'),
    mask: tensor(inputs, 'text_mask'),
    image_noise: noise,
    text_noise: noise,
    ...(imageIds ? { image_ids: tensor(inputs, 'image_id') } : {}),
  }
  return { drawn, feeds }
}

const lmLogits = (settings: Stage1Config, { scope, generation }: ReturnType<typeof stage1>) => ({
  logits: languageHead(scope.in('Qformer'), settings.qformer, generation.hidden),
})

/** Features and scores as they are used after training; texts are not cut to the training length here. */
async function inference({ config, inputs, weights }: Fixture, settings: Stage1Config): Promise<Values> {
  const { graph, p, image, ids, mask, feeds } = inferenceInputs(config, inputs, settings)
  const trainingIds = graph.input('training_ids', 'int64', tensor(inputs, 'text_ids').shape)
  const trainingMask = graph.input('training_mask', 'int64', trainingIds.shape)
  const queried = queryImage(p, settings, image).output
  const text = encodeText(p, settings, ids, mask)
  const [batch, , width] = text.shape as [number, number, number]
  const textWeights = p.in('text_proj')
  const projected = linear(
    text,
    textWeights.parameter('weight', [settings.embeddingWidth, width], { kind: 'zeros' }),
    textWeights.parameter('bias', [settings.embeddingWidth], { kind: 'zeros' }),
  )
  const matched = matchHead(p, joint(p, settings, image, trainingIds, trainingMask))
  const outputs: Record<string, Tensor> = {
    'infer.image_embeds_ln': image,
    'infer.query_output': queried,
    'infer.text_cls': reshape(slice(encodeText(p, settings, trainingIds, trainingMask), 1, 0, 1), [batch, width]),
    'infer.itm_pos_logit': reshape(slice(mean(matched, [1]), 1, 1, 2), [batch]),
    'extract.image.image_embeds': queried,
    'extract.image.image_embeds_proj': imageEmbedding(p, settings, queried),
    'extract.text.text_embeds': text,
    'extract.text.text_embeds_proj': normalize(projected),
    'extract.multimodal.multimodal_embeds': joint(p, settings, image, ids, mask),
  }
  const training = { training_ids: tensor(inputs, 'text_ids'), training_mask: tensor(inputs, 'text_mask') }
  return evaluate(outputs, { ...weights, ...feeds, ...training })
}

/** All pairs by ITC, the best k of each row by ITM as well. */
async function reranking({ config, inputs }: Fixture, settings: Stage1Config, weights: Values): Promise<Values> {
  const { p, image, ids, mask, feeds } = inferenceInputs(config, inputs, settings)
  const imageVectors = imageEmbedding(p, settings, queryImage(p, settings, image).output)
  const textVectors = textEmbedding(p, settings, encodeText(p, settings, ids, mask))
  const { similarity } = await evaluate(
    { similarity: maxOverQueries(imageVectors, textVectors) },
    { ...weights, ...feeds },
  )
  const [pictures, texts] = similarity!.shape as [number, number]

  const matchLogits = async (pairs: readonly (readonly [picture: number, text: number])[]) => {
    const { p, image, ids, mask } = inferenceInputs(config, inputs, settings, pairs.length)
    const logits = slice(mean(matchHead(p, joint(p, settings, image, ids, mask)), [1]), 1, 1, 2)
    const chosen: Values = {
      image: pick(
        feeds['image']!,
        pairs.map(([picture]) => picture),
      ),
      ids: pick(
        feeds['ids']!,
        pairs.map(([, text]) => text),
      ),
      mask: pick(
        feeds['mask']!,
        pairs.map(([, text]) => text),
      ),
    }
    const { scores } = await evaluate({ scores: logits }, { ...weights, ...chosen })
    return scores!.data as Float32Array
  }
  const k = number(config, 'k_test')
  const scores = await rerank({ similarity: similarity!.data as Float32Array, pictures, texts, k, matchLogits })
  return {
    [`rerank.k${k}.score_i2t`]: float32([pictures, texts], scores.imageToText),
    [`rerank.k${k}.score_t2i`]: float32([texts, pictures], scores.textToImage),
  }
}

function inferenceInputs(config: Fixture['config'], inputs: Values, settings: Stage1Config, batch?: number) {
  const picture = tensor(inputs, 'image')
  const { ids, mask } = tokenize(config)
  const graph = new Graph()
  const p = new Scope(graph)
  const rows = (value: Value) => [batch ?? value.shape[0]!, ...value.shape.slice(1)]
  return {
    graph,
    p,
    image: visionNorm(p, settings, graph.input('image', 'float32', rows(picture))),
    ids: graph.input('ids', 'int64', rows(ids)),
    mask: graph.input('mask', 'int64', rows(mask)),
    feeds: { image: picture, ids, mask } as Values,
  }
}

/** The fixture's texts are written as ids; they get [CLS], [SEP] and padding to the longest. */
function tokenize(config: Fixture['config']) {
  const texts = (config['texts'] as string[]).map((text) => [
    number(config, 'cls'),
    ...text.split(' ').map(Number),
    number(config, 'sep'),
  ])
  const length = Math.max(...texts.map((text) => text.length))
  const pad = number(config, 'pad')
  const at = (text: number[], i: number) => text[i] ?? pad
  const grid = (cell: (text: number[], i: number) => number) =>
    int64(
      [texts.length, length],
      texts.flatMap((text) => Array.from({ length }, (_, i) => cell(text, i))),
    )
  return { ids: grid(at), mask: grid((text, i) => (i < text.length ? 1 : 0)) }
}

/** Rows of a value in the order given. */
function pick({ dtype, shape, data }: Value, rows: readonly number[]): Value {
  const size = data.length / shape[0]!
  const picked = dtype === 'int64' ? new BigInt64Array(rows.length * size) : new Float32Array(rows.length * size)
  rows.forEach((row, i) => {
    picked.set(data.subarray(row * size, (row + 1) * size) as never, i * size)
  })
  return { dtype, shape: [rows.length, ...shape.slice(1)], data: picked } as Value
}
