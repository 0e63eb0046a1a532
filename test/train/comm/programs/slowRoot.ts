import { setTimeout as delay } from 'node:timers/promises'
import { openCommunicator } from '../../../../src/train/comm/openCommunicator.js'
import { rootFirst } from '../../../../src/train/comm/rootFirst.js'

/** Rank 0 prepares for longer than ranks wait for each other otherwise. */
const communicator = await openCommunicator()
const order = await rootFirst(communicator, async () => {
  if (communicator.rank === 0) await delay(2000)
  return Int32Array.of(communicator.rank)
})
const ranks = await communicator.allGather(order)
if (communicator.rank === 0) process.stdout.write(`ranks ${[...ranks].join(' and ')} are ready\n`)
await communicator.dispose()
