import { openCommunicator } from '../../../../src/train/comm/openCommunicator.js'
import { type Kind, openShared, trainShared } from '../sharedTraining.js'

/**
 * Trains a tiny stage on all ranks: KIND STEPS DIRECTORY [resume|stop] [sharded]. With 'stop', rank 1 alone is told to
 * stop, after 3 steps.
 */
const [kind, steps, directory, ...modes] = process.argv.slice(2) as [Kind, string, string, ...string[]]
const communicator = await openCommunicator()
const controller = new AbortController()
await using task = await openShared(kind, Number(steps), communicator)
const stopsHere = modes.includes('stop') && communicator.rank === 1
const training = trainShared(
  task,
  {
    directory,
    resume: modes.includes('resume'),
    shardOptimizer: modes.includes('sharded'),
    signal: controller.signal,
    onNotice: (notice) => process.stdout.write(`notice: ${notice}\n`),
    onProgress: ({ step }) => {
      if (stopsHere && step === 3) controller.abort()
    },
  },
  communicator,
)
const ended = await training.then(
  () => 'ended',
  (error: Error) => {
    if (error.name !== 'AbortError') throw error
    return 'stopped'
  },
)
await communicator.dispose()
if (communicator.rank === 0) process.stdout.write(`training ${ended}\n`)
