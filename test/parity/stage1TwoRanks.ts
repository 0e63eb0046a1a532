import { Graph } from '../../src/graph/index.js'
import type { Stage1Config } from '../../src/models/blip2.js'
import { float32, int64, type Value } from '../../src/runtime/index.js'
import {
  type Stage1RankOptions,
  stage1Negatives,
  stage1Rank,
  stage1Vectors,
} from '../../src/train/objectives/stage1Rank.js'
import { qformerConfig } from './configs.js'
import { evaluate } from './evaluate.js'
import { type Fixture, number, section, tensor, type Values } from './fixture.js'
import { evaluateWithGradients } from './gradients.js'

const RANKS = 2

/** Stage 1 on two ranks as the authors' code does it: the mean of the ranks' losses, features gathered without gradient. */
export async function stage1TwoRanks({ config, inputs, weights }: Fixture): Promise<Values> {
  const qformer = qformerConfig(section(config, 'qformer'))
  const settings: Stage1Config = {
    qformer,
    visionLayerNormEpsilon: 1e-5, // the fixture does not say
    embeddingWidth: number(config, 'embed_dim'),
  }
  const [all, patches] = tensor(inputs, 'image').shape as [number, number]
  const batch = all / RANKS
  const options = (rank: number): Stage1RankOptions => ({
    batch,
    patches,
    tokens: tensor(inputs, 'text_ids').shape[1]!,
    // [DEC] is the token added last.
    decoderToken: qformer.vocabularySize - 1,
    padToken: number(section(config, 'qformer'), 'pad_token_id'),
    itcGradient: 'gathered',
    rank,
    ranks: RANKS,
  })
  const ranks = Array.from({ length: RANKS }, (_, rank) => rank)
  const own = ranks.map((rank) => {
    const rows = Array.from({ length: batch }, (_, i) => rank * batch + i)
    return {
      features: pick(tensor(inputs, 'image'), rows),
      ids: pick(tensor(inputs, 'text_ids'), rows),
      mask: pick(tensor(inputs, 'text_mask'), rows),
    }
  })

  const vectors = await Promise.all(
    ranks.map((rank) => {
      const { image, text } = stage1Vectors(new Graph(), settings, options(rank)).vectors
      return evaluate({ image, text }, { ...weights, ...own[rank]! })
    }),
  )
  const gathered: Values = {
    all_image_vectors: join(vectors.map(({ image }) => image!)),
    all_text_vectors: join(vectors.map(({ text }) => text!)),
  }

  const values: Values = {}
  const gradients: Values[] = []
  for (const rank of ranks) {
    // No noise: the likeliest negative, as the fixture has it.
    const noise = float32([batch, all], new Float32Array(batch * all))
    const { negativeImages, negativeTexts } = stage1Negatives(new Graph(), settings, options(rank))
    const chosen = await evaluate(
      { negativeImages, negativeTexts },
      { ...weights, ...gathered, image_noise: noise, text_noise: noise },
    )
    const [images, texts] = [numbers(chosen['negativeImages']!), numbers(chosen['negativeTexts']!)]
    const drawn = stage1Rank(new Graph(), settings, options(rank))
    const outputs = {
      [`rank${rank}.loss`]: drawn.loss,
      [`rank${rank}.loss_itc`]: drawn.itc,
      [`rank${rank}.loss_itm`]: drawn.itm,
      [`rank${rank}.loss_lm`]: drawn.itg,
      [`rank${rank}.sim_i2t`]: drawn.similarity.imageToText,
      [`rank${rank}.sim_t2i`]: drawn.similarity.textToImage,
      [`rank${rank}.targets`]: drawn.targets,
    }
    const results = await evaluateWithGradients(outputs, drawn.loss, drawn.scope.specs, 'grad', {
      ...weights,
      ...own[rank]!,
      ...gathered,
      negative_features: pick(tensor(inputs, 'image'), images),
      negative_ids: pick(tensor(inputs, 'text_ids'), texts),
      negative_mask: pick(tensor(inputs, 'text_mask'), texts),
      token_weight: float32([], Float32Array.of(1)),
    })
    values[`rank${rank}.neg_image_idx`] = chosen['negativeImages']!
    values[`rank${rank}.neg_text_idx`] = chosen['negativeTexts']!
    const isGradient = ([name]: [string, Value]) => name.startsWith('grad.')
    Object.assign(values, Object.fromEntries(Object.entries(results).filter((entry) => !isGradient(entry))))
    gradients.push(Object.fromEntries(Object.entries(results).filter(isGradient)))
  }
  for (const [name, { shape }] of Object.entries(gradients[0]!)) {
    const parts = gradients.map((of) => of[name]!.data as Float32Array)
    const mean = Float32Array.from(parts[0]!, (_, i) => parts.reduce((sum, part) => sum + part[i]!, 0) / RANKS)
    values[name.replace(/^grad\./, 'ddp_mean_grad.')] = float32(shape, mean)
  }
  return values
}

const numbers = ({ data }: Value): number[] => Array.from(data, Number)

/** Rows of a value in the order given. */
function pick({ dtype, shape, data }: Value, rows: readonly number[]): Value {
  const size = data.length / shape[0]!
  const to = [rows.length, ...shape.slice(1)]
  const cells = rows.flatMap((row) => Array.from<number | bigint>(data.subarray(row * size, (row + 1) * size)))
  return dtype === 'int64' ? int64(to, cells) : float32(to, Float32Array.from(cells, Number))
}

/** Values one after the other along their first dimension. */
function join(values: readonly Value[]): Value {
  const [, ...rest] = values[0]!.shape
  const data = values.flatMap((value) => Array.from(value.data as Float32Array))
  return float32([values.reduce((rows, value) => rows + value.shape[0]!, 0), ...rest], Float32Array.from(data))
}
