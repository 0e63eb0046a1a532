import { openCommunicator } from '../../../../src/train/comm/openCommunicator.js'

/** Ends in the way that the first argument names, on rank 1 only; rank 0 waits for it. */
const communicator = await openCommunicator()
if (communicator.rank === 1) {
  switch (process.argv[2]) {
    case 'throws':
      throw new Error('rank 1 broke down')
    case 'returns':
      process.exit(0)
      break
    case 'hangs':
      await new Promise((resolve) => setTimeout(resolve, 60_000))
      break
    case 'killed':
      process.kill(process.pid, 'SIGKILL')
  }
}
await communicator.barrier()
await communicator.dispose()
process.stdout.write('not to be reached\n')
