import { fileURLToPath } from 'node:url'
import type { CaptionedPictures } from '../src/data/captionedPictures.js'
import { Graph } from '../src/graph/index.js'
import { operationCount } from '../src/graph/operationCount.js'
import { type ImageEncoderConfig, imageFeatures, requireDrawn } from '../src/models/imageEncoder.js'
import { patchCount } from '../src/models/vit.js'
import { Scope } from '../src/nn/scope.js'
import { Tokenizer } from '../src/text/tokenizer.js'
import type { TokenizerJson } from '../src/text/tokenizerJson.js'
import type { Communicator } from '../src/train/comm/communicator.js'
import { Replicas } from '../src/train/comm/replicas.js'
import { AdamW } from '../src/train/optimizer/adamw.js'
import { parameterGroups } from '../src/train/optimizer/parameterGroups.js'
import { PRETRAIN_PRESETS } from '../src/train/pretrain/presets.js'
import { stage1Task } from '../src/train/pretrain/stage1Task.js'
import { fillInitial } from '../src/train/program.js'
import { drawTraining } from '../src/train/recipes/drawnTraining.js'
import { Random } from '../src/train/random/random.js'
import { heldWeights } from '../src/weights/heldWeights.js'
import type { ModelConfig } from '../src/weights/modelConfig.js'
import { readModelDirectory } from '../src/weights/modelDirectory.js'
import { median } from './measure.js'
import { TimedCommunicator } from './timedCommunicator.js'

/** Medians over the steps of one rank. */
export interface StepFigures {
  readonly stepSeconds: number
  readonly communicationSeconds: number
  readonly optimizerSeconds: number
  /** Of all ranks. */
  readonly samples: number
  readonly gradientBytes: number
  /** Floating-point operations of a step on one rank. */
  readonly operations: number
  /** What the steps of two ranks compute over what the step of one does. */
  readonly twoRankOperations: number
  /** Vectors gathered and features sent in a step, by each rank. */
  readonly exchangedBytes: number
  readonly residentMiB: number
}

/** From where benchmarks are compiled to. */
const SHIPPED_MODEL = fileURLToPath(new URL('../../models/emoji', import.meta.url))

/**
 * Stage 1 of the preset 'emoji', on pictures of noise and captions of one length.
 * @param steps After one that is not counted.
 */
export async function emojiSteps(communicator: Communicator, steps: number): Promise<StepFigures> {
  const timed = new TimedCommunicator(communicator)
  const directory = await readModelDirectory(SHIPPED_MODEL)
  const tokenizer = Tokenizer.fromJson((await directory.readTokenizer('qformer')) as TokenizerJson)
  const { optimization, dropout } = PRETRAIN_PRESETS.emoji.stage1
  const { config } = directory
  const { mean, std, embeddingWidth, qformer, visionLayerNormEpsilon, text } = config
  const vision = requireDrawn(config.vision, 'this benchmark')
  const model = { qformer, visionLayerNormEpsilon, embeddingWidth }
  const encoder = { config: vision, mean, std, open: async () => heldWeights(randomEncoder(vision)) }
  const pictures = noise(vision.imageSize, 2 * optimization.batch)
  await using task = await stage1Task(
    { ...optimization, model, tokens: text.maxTokens, dropout, itcGradient: 'full' },
    { encoder, pictures, tokenizer, communicator: timed },
  )
  const { memory } = task.program
  const replicas = new Replicas(timed, memory)
  const optimizer = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  const times: Record<'step' | 'communication' | 'optimizer', number[]> = { step: [], communication: [], optimizer: [] }
  for (let step = 0; step < steps + 1; step++) {
    timed.seconds = 0
    const start = performance.now()
    replicas.clear()
    await replicas.add(await task.program.run(step, await task.feeds(step)))
    const computed = performance.now()
    optimizer.step({ lr: 1e-4, gradientScale: replicas.gradientScale })
    const end = performance.now()
    times.step.push((end - start) / 1000)
    times.communication.push(timed.seconds)
    times.optimizer.push((end - computed) / 1000)
  }
  const own = optimization.batch / communicator.size
  const tokensOfPicture = 1 + patchCount(vision)
  return {
    stepSeconds: median(times.step.slice(1)),
    communicationSeconds: median(times.communication.slice(1)),
    optimizerSeconds: median(times.optimizer.slice(1)),
    samples: task.samplesPerStep,
    gradientBytes: 4 * memory.arenaLength,
    operations: operationsOn(1, config, optimization.batch),
    twoRankOperations: operationsOn(2, config, optimization.batch) / operationsOn(1, config, optimization.batch),
    exchangedBytes: 4 * own * (tokensOfPicture * vision.width + (qformer.queries + 1) * embeddingWidth),
    residentMiB: process.memoryUsage.rss() / 2 ** 20,
  }
}

/** Ranks compute the keys and values of negative pictures anew, which one rank has. */
function operationsOn(ranks: number, config: ModelConfig, batch: number): number {
  const { encoder, step } = drawTraining(config, { stage: 'stage1', batch, accumulate: ranks })
  return ranks * (operationCount([encoder.features]) + operationCount(step.outputs))
}

function randomEncoder(config: ImageEncoderConfig): Map<string, Float32Array> {
  const p = new Scope(new Graph())
  imageFeatures(p, config, p.graph.input('images', 'float32', [1, 3, config.imageSize, config.imageSize]))
  return new Map(
    [...p.specs.values()].map(({ name, shape, initializer }) => {
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
      fillInitial(values, initializer, new Random(1, name))
      return [name, values]
    }),
  )
}

function noise(size: number, length: number): CaptionedPictures {
  const pictures = Array.from({ length }, (_, index) => {
    const random = new Random(2, `picture ${index}`)
    return {
      rgba: Uint8Array.from({ length: 4 * size * size }, (_, i) => (i % 4 === 3 ? 255 : random.integer(256))),
      size,
    }
  })
  return {
    length,
    picture: (index) => pictures[index]!,
    mayMirror: () => false,
    captions: (index) => [`a picture of a cat with the number ${100 + index}`],
    imageId: (index) => index,
  }
}
