import { createHash } from 'node:crypto'
import { availableParallelism, cpus, hostname } from 'node:os'
import type { Communicator } from './communicator.js'

/**
 * Threads that each rank's runtime should have, so that the ranks of a machine share its cores: waiting threads spin,
 * and would take the others' time. Undefined for a process alone that may use all of them: the runtime's own choice.
 */
export async function threadsPerRank(communicator: Communicator): Promise<number | undefined> {
  const available = availableParallelism()
  if (communicator.size === 1) return available < cpus().length ? available : undefined
  const machine = Int32Array.of(createHash('sha256').update(hostname()).digest().readInt32LE())
  const machines = await communicator.allGather(machine)
  const ranks = machines.filter((other) => other === machine[0]).length
  return Math.max(1, Math.floor(available / ranks))
}
