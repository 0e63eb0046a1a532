import { readFile } from 'node:fs/promises'
import type { CaptionedPictures } from '../src/data/captionedPictures.js'
import { Graph } from '../src/graph/index.js'
import { type ImageEncoderConfig, imageFeatures } from '../src/models/imageEncoder.js'
import { Scope } from '../src/nn/scope.js'
import { Tokenizer } from '../src/text/tokenizer.js'
import type { Communicator, Elements } from '../src/train/comm/communicator.js'
import { openCommunicator } from '../src/train/comm/openCommunicator.js'
import { OptimizerShards } from '../src/train/comm/optimizerShards.js'
import { Replicas } from '../src/train/comm/replicas.js'
import { AdamW } from '../src/train/optimizer/adamw.js'
import { parameterGroups } from '../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../src/train/optimizer/parameterMemory.js'
import { PRETRAIN_PRESETS } from '../src/train/pretrain/presets.js'
import { stage1Task } from '../src/train/pretrain/stage1Task.js'
import { fillInitial } from '../src/train/program.js'
import { Random } from '../src/train/random/random.js'
import { readModelDirectory } from '../src/weights/modelDirectory.js'
import { SHIPPED_MODEL } from '../src/weights/shippedModel.js'
import { median } from './measure.js'

/** One rank of the scaling benchmark: steps | collectives | memory | sharded. Rank 0 prints its figures as JSON. */
const [what] = process.argv.slice(2)
const communicator = await openCommunicator()
const figures = await measure(what)
await communicator.dispose()
if (communicator.rank === 0) console.log(JSON.stringify(figures))

function measure(name: string | undefined): Promise<Record<string, number>> {
  switch (name) {
    case 'steps':
      return steps()
    case 'collectives':
      return collectives()
    case 'memory':
      return optimizerMemory(false)
    case 'sharded':
      return optimizerMemory(true)
    default:
      throw new Error(`expected steps, collectives, memory or sharded, got ${name}`)
  }
}

/** Steps of stage 1 of the preset 'emoji', on pictures of noise and captions of one length. */
async function steps(): Promise<Record<string, number>> {
  const timed = new TimedCommunicator(communicator)
  const directory = await readModelDirectory(SHIPPED_MODEL)
  const { vision, mean, std, qformer, visionLayerNormEpsilon, embeddingWidth, text } = directory.config
  const tokenizer = Tokenizer.fromJson(JSON.parse(await readFile(directory.tokenizerPath('qformer'), 'utf8')))
  const { optimization, dropout } = PRETRAIN_PRESETS.emoji.stage1
  const model = { qformer, visionLayerNormEpsilon, embeddingWidth }
  await using task = await stage1Task(
    { ...optimization, model, tokens: text.maxTokens, dropout, itcGradient: 'full' },
    {
      encoder: { config: vision, mean, std, weights: randomEncoder(vision) },
      pictures: noise(vision.imageSize, 2 * optimization.batch),
      tokenizer,
      communicator: timed,
    },
  )
  const { memory } = task.program
  const replicas = new Replicas(timed, memory)
  const optimizer = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  const [seconds, communication]: [number[], number[]] = [[], []]
  for (let step = 0; step < STEPS + 1; step++) {
    timed.seconds = 0
    const start = performance.now()
    replicas.clear()
    await replicas.add(await task.program.run(step, await task.feeds(step)))
    optimizer.step({ lr: 1e-4, gradientScale: replicas.gradientScale })
    seconds.push((performance.now() - start) / 1000)
    communication.push(timed.seconds)
  }
  return {
    stepSeconds: median(seconds.slice(1)),
    communicationSeconds: median(communication.slice(1)),
    samples: task.samplesPerStep,
    gradientBytes: memory.arena('gradient').byteLength,
    residentMiB: process.memoryUsage.rss() / 2 ** 20,
  }
}

const STEPS = 4

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

/** Adding up many gradients, and a single number. */
async function collectives(): Promise<Record<string, number>> {
  const gradients = new Float32Array(32_000_000).fill(1)
  const one = new Float32Array(1)
  const [seconds, latencies]: [number[], number[]] = [[], []]
  for (let round = 0; round < 4; round++) {
    await communicator.barrier()
    let start = performance.now()
    await communicator.allReduceSum(gradients)
    seconds.push((performance.now() - start) / 1000)
    start = performance.now()
    for (let i = 0; i < 50; i++) await communicator.allReduceSum(one)
    latencies.push((performance.now() - start) / 50_000)
  }
  return { bytesPerSecond: gradients.byteLength / median(seconds.slice(1)), latency: median(latencies.slice(1)) }
}

/** The memory of a rank with 40 million parameters after a step of the optimiser. */
async function optimizerMemory(sharded: boolean): Promise<Record<string, number>> {
  const before = process.memoryUsage.rss()
  const memory = new ParameterMemory([{ name: 'weight', shape: [5000, 8000] }])
  memory.value('weight').fill(0.01)
  memory.gradient('weight').fill(0.001)
  const optimizer = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  const shards = new OptimizerShards(communicator, memory)
  const start = performance.now()
  if (sharded) await shards.step(optimizer, { lr: 1e-4 })
  else optimizer.step({ lr: 1e-4 })
  const seconds = (performance.now() - start) / 1000
  await communicator.barrier()
  return { bytesPerParameter: (process.memoryUsage.rss() - before) / 40e6, seconds }
}

/** Adds up the time in which a rank waits for others. */
class TimedCommunicator implements Communicator {
  seconds = 0
  readonly rank: number
  readonly size: number
  readonly #inner: Communicator

  constructor(inner: Communicator) {
    this.#inner = inner
    this.rank = inner.rank
    this.size = inner.size
  }

  allReduceSum = (values: Float32Array) => this.#time(this.#inner.allReduceSum(values))
  allGather = <T extends Elements>(values: T) => this.#time(this.#inner.allGather(values))
  allToAll = <T extends Elements>(send: T, sendCounts: readonly number[], receiveCounts: readonly number[]) =>
    this.#time(this.#inner.allToAll(send, sendCounts, receiveCounts))
  broadcast = (values: Elements, root?: number) => this.#time(this.#inner.broadcast(values, root))
  barrier = () => this.#time(this.#inner.barrier())
  dispose = () => this.#inner.dispose()

  async #time<T>(call: Promise<T>): Promise<T> {
    const start = performance.now()
    const result = await call
    this.seconds += (performance.now() - start) / 1000
    return result
  }
}
