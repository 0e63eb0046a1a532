import type { Communicator } from './communicator.js'
import { openCommunicator } from './openCommunicator.js'

/** What a training says while it runs. */
interface Reports {
  readonly onProgress?: unknown
  readonly onStatus?: unknown
}

/**
 * Runs the work of each rank that was launched, of which only rank 0 reports, and ends when all have done it. A rank
 * whose work fails takes the others with it when its process ends: they would wait for it.
 */
export async function onAllRanks<Options extends Reports>(
  options: Options,
  work: (
    options: Omit<Options, keyof Reports> & Partial<Pick<Options, keyof Reports>>,
    communicator: Communicator,
  ) => Promise<void>,
): Promise<void> {
  const communicator = await openCommunicator()
  const { onProgress: _, onStatus: __, ...silent } = options
  await work(communicator.rank === 0 ? options : silent, communicator)
  await communicator.dispose()
}
