import { Worker } from 'node:worker_threads'

import { AdamW } from '../src/train/optimizer/adamw.js'
import { parameterGroups } from '../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../src/train/optimizer/parameterMemory.js'

export interface AdamwFigures {
  /** One step over 188 million parameters, the stage-1 Q-Former's number, global norm included. */
  readonly adamwSeconds: number
  /** Bytes read and written a second by two threads that copy arrays larger than the caches. */
  readonly copyBandwidth: number
  /** Share of the copy bandwidth that the step's 28 bytes a parameter reach. */
  readonly adamwRatio: number
}

const PARAMETERS = 188_000_000
/** Value, gradient and two moments are read, all but the gradient written. */
const BYTES_PER_PARAMETER = 28
const REPEATS = 5

/** Takes about 5 seconds and 3 GB. */
export async function benchAdamw(): Promise<AdamwFigures> {
  const copyBandwidth = await measureCopyBandwidth()
  const adamwSeconds = measureStep()
  return { adamwSeconds, copyBandwidth, adamwRatio: (PARAMETERS * BYTES_PER_PARAMETER) / adamwSeconds / copyBandwidth }
}

function measureStep(): number {
  const memory = new ParameterMemory([{ name: 'weight', shape: [PARAMETERS / 1000, 1000] }])
  const adamw = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  memory.value('weight').fill(0.02)
  memory.gradient('weight').fill(0.001)
  const seconds = Array.from({ length: REPEATS }, () => {
    const start = performance.now()
    adamw.step({ lr: 1e-4 })
    return (performance.now() - start) / 1000
  })
  return Math.min(...seconds)
}

const COPIED_VALUES = 50_000_000

/** Copies when told to and answers with the bytes a second. */
const COPIER = `
  const { parentPort } = require('node:worker_threads')
  const from = new Float32Array(${COPIED_VALUES}).fill(1)
  const to = new Float32Array(${COPIED_VALUES}).fill(2)
  parentPort.on('message', () => {
    for (let i = 0; i < ${REPEATS}; i++) to.set(from)
    parentPort.postMessage('done')
  })
  parentPort.postMessage('ready')
`

/** Bytes read and written a second by two threads. */
export async function measureCopyBandwidth(): Promise<number> {
  const workers = [0, 1].map(() => new Worker(COPIER, { eval: true }))
  await Promise.all(workers.map(answer))
  const rates: number[] = []
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now()
    const answers = workers.map(answer)
    for (const worker of workers) worker.postMessage('copy')
    await Promise.all(answers)
    const bytes = workers.length * REPEATS * COPIED_VALUES * 4 * 2
    rates.push((bytes * 1000) / (performance.now() - start))
  }
  await Promise.all(workers.map((worker) => worker.terminate()))
  return Math.max(...rates)
}

const answer = (worker: Worker) =>
  new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', reject)
  })
