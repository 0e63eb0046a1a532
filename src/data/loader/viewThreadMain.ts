import { parentPort, workerData } from 'node:worker_threads'
import { RuntimeError } from '../../errors.js'
import { packError } from '../../runtime/workerMessages.js'
import { Random } from '../../train/random/random.js'
import { type TrainingViewOptions, trainingView } from './trainingView.js'
import type { ViewRequest, ViewResponse } from './viewMessages.js'

/** A thread of ViewThreads: loads pictures as they come, several at a time. */
const port = parentPort
if (!port) throw new RuntimeError('this module is started by ViewThreads, in a thread of its own')

const load = trainingView(workerData as TrainingViewOptions)

port.on('message', async ({ id, picture, random, into }: ViewRequest) => {
  try {
    const view = await load(picture, Random.fromState(random), undefined, into)
    port.postMessage({ id, view } satisfies ViewResponse, [view.pixels.buffer as ArrayBuffer])
  } catch (error) {
    port.postMessage({ id, error: packError(error) } satisfies ViewResponse)
  }
})
