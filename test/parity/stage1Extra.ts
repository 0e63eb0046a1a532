import { Graph, matmul, max, mean, reshape, slice, softmax, type Tensor } from '../../src/graph/index.js'
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
import { Scope } from '../../src/nn/scope.js'
import { float32, int64 } from '../../src/runtime/index.js'
import { stage1 } from '../../src/train/objectives/stage1.js'
import { AdamW } from '../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../src/train/optimizer/parameterGroups.js'
import { TrainingProgram } from '../../src/train/program.js'
import { epochCosine } from '../../src/train/schedule.js'
import { qformerConfig } from './configs.js'
import { evaluate } from './evaluate.js'
import { type Fixture, type Json, number, section, tensor, type Values } from './fixture.js'

/** The scores of pairs, and some steps of training with everything that belongs to it. */
export async function stage1Extra(fixture: Fixture): Promise<Values> {
  const settings: Stage1Config = {
    qformer: qformerConfig(section(fixture.config, 'qformer')),
    visionLayerNormEpsilon: 1e-5, // the fixture does not say
    embeddingWidth: number(fixture.config, 'embed_dim'),
  }
  return { ...(await pairScores(fixture, settings)), ...(await train(fixture, settings)) }
}

function pairScores({ inputs, weights }: Fixture, settings: Stage1Config): Promise<Values> {
  const graph = new Graph()
  const p = new Scope(graph)
  const input = (name: string) => graph.input(name, tensor(inputs, name).dtype, tensor(inputs, name).shape)
  const image = visionNorm(p, settings, input('image'))
  const [ids, mask] = [input('eq_text_ids'), input('eq_text_mask')]
  const logits = mean(matchHead(p, joint(p, settings, image, ids, mask)), [1])
  const vectors = imageEmbedding(p, settings, queryImage(p, settings, image).output)
  const text = textEmbedding(p, settings, encodeText(p, settings, ids, mask))
  // Each picture with its own text only.
  const cosines = matmul(vectors, reshape(text, [text.size(0), text.size(1), 1]))
  const outputs = { itm_logits: logits, itm_prob: softmax(logits), itc_sim: max(cosines, [1]) }
  return evaluate(outputs, { ...inputs, ...weights })
}

/** Trains on one batch again and again, with no noise: the likeliest negatives, as the fixture has them. */
async function train(fixture: Fixture, settings: Stage1Config): Promise<Values> {
  const program = await createProgram(fixture, settings)
  try {
    return await takeSteps(fixture, program)
  } finally {
    await program.dispose()
  }
}

async function createProgram({ config, inputs, weights }: Fixture, settings: Stage1Config): Promise<TrainingProgram> {
  const [batch, patches] = tensor(inputs, 'image').shape as [number, number]
  const graph = new Graph()
  const drawn = stage1(graph, settings, {
    batch,
    patches,
    tokens: tensor(inputs, 'text_ids').shape[1]!,
    // [DEC] is the token added last.
    decoderToken: settings.qformer.vocabularySize - 1,
    padToken: number(section(config, 'qformer'), 'pad_token_id'),
    itcGradient: 'gathered',
  })
  // A program reports scalars, so each negative is a term of its own.
  const entries = (kind: string, x: Tensor) =>
    Object.fromEntries(Array.from({ length: batch }, (_, i) => [`${kind} ${i}`, slice(x, 0, i, i + 1)]))
  const program = await TrainingProgram.create({
    graph,
    loss: drawn.loss,
    terms: {
      itc: drawn.itc,
      itm: drawn.itm,
      itg: drawn.itg,
      ...entries('image', drawn.negativeImages),
      ...entries('text', drawn.negativeTexts),
    },
    specs: drawn.scope.specs,
    seed: 0,
  })
  for (const { name, value } of program.memory.parameters) value.set(tensor(weights, name).data as Float32Array)
  return program
}

async function takeSteps({ config, inputs, expected }: Fixture, program: TrainingProgram): Promise<Values> {
  const { memory } = program
  const settings = section(config, 'train')
  const [steps, schedule] = [number(settings, 'steps'), scheduleOf(settings)]
  const adamw = new AdamW(memory, {
    groups: parameterGroups(memory.parameters, { weightDecay: number(settings, 'weight_decay') }),
    betas: settings['betas'] as [number, number],
    eps: number(settings, 'eps'),
  })
  const batch = tensor(inputs, 'image').shape[0]!
  const noise = float32([batch, batch], new Float32Array(batch * batch))
  const feeds = {
    features: tensor(inputs, 'image'),
    ids: tensor(inputs, 'text_ids'),
    mask: tensor(inputs, 'text_mask'),
    image_noise: noise,
    text_noise: noise,
  }
  const [losses, rates, temperatures, negatives]: [number[], number[], number[], number[]] = [[], [], [], []]
  for (let step = 0; step < steps; step++) {
    const found = await program.run(step, feeds)
    losses.push(...['loss', 'itc', 'itm', 'itg'].map((name) => found[name]!))
    for (const kind of ['image', 'text']) for (let i = 0; i < batch; i++) negatives.push(found[`${kind} ${i}`]!)
    rates.push(schedule(step))
    adamw.step({ lr: schedule(step) })
    temperatures.push(memory.value('temp')[0]!)
  }
  const values: Values = {
    'train.losses': float32([steps, 4], Float32Array.from(losses)),
    'train.temp_after': float32([steps], Float32Array.from(temperatures)),
    'train.neg_idx': int64([steps, 2, batch], negatives),
    'train.lr': float32([steps], Float32Array.from(rates)),
  }
  for (const [name, { shape }] of Object.entries(expected))
    if (name.startsWith(FINAL)) values[name] = float32(shape, memory.value(name.slice(FINAL.length)).slice())
  return values
}

const FINAL = 'train.final.'

const scheduleOf = (config: Json) =>
  epochCosine({
    initial: number(config, 'init_lr'),
    minimum: number(config, 'min_lr'),
    epochs: number(config, 'max_epoch'),
    stepsPerEpoch: number(config, 'iters_per_epoch'),
    warmupSteps: number(config, 'warmup_steps'),
    warmupStart: number(config, 'warmup_lr'),
  })
