import { PAPER_LANGUAGE_MODELS, paperModelConfig } from '../src/train/pretrain/paperPresets.js'
import { type Communicator, SingleProcess } from '../src/train/comm/communicator.js'
import { openCommunicator } from '../src/train/comm/openCommunicator.js'
import { OptimizerShards } from '../src/train/comm/optimizerShards.js'
import { AdamW } from '../src/train/optimizer/adamw.js'
import { parameterGroups } from '../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../src/train/optimizer/parameterMemory.js'
import { partSpecs } from '../src/train/partSpecs.js'
import { emojiSteps } from './emojiSteps.js'
import { median } from './measure.js'

/** One rank of the scaling benchmark. Rank 0 prints its figures as JSON. */
const MEASUREMENTS: Readonly<Record<string, (communicator: Communicator, count: number) => Promise<object>>> = {
  steps: emojiSteps,
  collectives,
  memory: (communicator) => optimizerMemory(communicator, false),
  sharded: (communicator) => optimizerMemory(communicator, true),
}

/** Steps of ranks that know nothing of each other: what they cost each other by being on one machine. */
const ALONE = 'alone'

/** Adding up many gradients, and a single number. */
async function collectives(communicator: Communicator) {
  const gradients = new Float32Array(16_000_000).fill(1)
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

/** The memory of a rank after a step of the optimiser over stage 1's weights of the paper, 188 million. */
async function optimizerMemory(communicator: Communicator, sharded: boolean) {
  const config = paperModelConfig('paper-vit-g', PAPER_LANGUAGE_MODELS['opt-2.7b'])
  const before = process.memoryUsage.rss()
  const memory = new ParameterMemory([...partSpecs(config).stage1.values()])
  for (const values of memory.arenas('value')) values.fill(0.01)
  for (const gradients of memory.arenas('gradient')) gradients.fill(0.001)
  const optimizer = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  const shards = new OptimizerShards(communicator, memory)
  const step = () => (sharded ? shards.step(optimizer, { lr: 1e-4 }) : optimizer.step({ lr: 1e-4 }))
  await step()
  await communicator.barrier()
  const start = performance.now()
  await step()
  const seconds = (performance.now() - start) / 1000
  await communicator.barrier()
  return { bytesPerParameter: (process.memoryUsage.rss() - before) / memory.arenaLength, seconds }
}

/** @param count Steps, for those that take some. */
async function main(name = '', count = ''): Promise<void> {
  if (name === ALONE) {
    const figures = await emojiSteps(new SingleProcess(), Number(count))
    // Ranks that do not call MPI are numbered by the launcher all the same.
    if (process.env['OMPI_COMM_WORLD_RANK'] === '0') console.log(JSON.stringify(figures))
    return
  }
  const measure = MEASUREMENTS[name]
  if (!measure) throw new Error(`expected ${[ALONE, ...Object.keys(MEASUREMENTS)].join(', ')}, got '${name}'`)
  const communicator = await openCommunicator()
  const figures = await measure(communicator, Number(count))
  await communicator.dispose()
  if (communicator.rank === 0) console.log(JSON.stringify(figures))
}

await main(...process.argv.slice(2))
