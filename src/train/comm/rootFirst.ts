import type { Communicator } from './communicator.js'

/**
 * Does the work on rank 0 and only then on the others, which find the files that it made. However long it takes them
 * (a download, weights to convert, a data set to read), they wait: a rank 0 that dies takes them with it.
 */
export async function rootFirst<T>(communicator: Communicator, work: () => Promise<T>): Promise<T> {
  const isRoot = communicator.rank === 0
  if (!isRoot) await communicator.barrier(false)
  const result = await work()
  if (isRoot) await communicator.barrier()
  return result
}
