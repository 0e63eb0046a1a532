import { writeSync } from 'node:fs'
import { DisposedError, ShapeError } from '../../errors.js'
import type { Communicator, Elements } from './communicator.js'
import { checkMpi, type MpiBindings } from './mpiBindings.js'
import type { Handle, MpiAbi } from './mpiConstants.js'

export interface MpiCommunicatorOptions {
  readonly mpi: MpiBindings
  readonly abi: MpiAbi
  readonly rank: number
  readonly size: number
  /** A collective that takes longer ends the training on all ranks. */
  readonly timeoutSeconds: number
}

/** Elements in one call: one call for hundreds of millions is ten times slower, from page faults in MPI's own buffers. */
const CHUNK = 1 << 21
const MAX_COUNT = 2 ** 31 - 1
/** After this, a process whose MPI cannot even abort is killed; its launcher then ends the others. */
const ABORT_SECONDS = 5

/** Aborting at once would lose what was just printed: the launchers forward a rank's output only while the ranks live. */
const FORWARDING_MILLISECONDS = 250
const LAUNCHER_CHECK_MILLISECONDS = 1000

export const TIMEOUT_VARIABLE = 'BLIP2_MPI_TIMEOUT'

type Done = (error: unknown, code: number) => void

/**
 * All ranks that the launcher started. Collectives run on another thread, one at a time, so timers and signals go on;
 * MPI tells nobody of a cut link or a rank that hangs, so each has a time limit, unless its caller wants none.
 */
export class MpiCommunicator implements Communicator {
  readonly rank: number
  readonly size: number
  readonly #mpi: MpiBindings
  readonly #abi: MpiAbi
  readonly #timeoutSeconds: number
  /** The end of the queue; failures are their callers' to see. */
  #last: Promise<unknown> = Promise.resolve()
  #disposal: Promise<void> | undefined
  readonly #launcherCheck: NodeJS.Timeout

  constructor({ mpi, abi, rank, size, timeoutSeconds }: MpiCommunicatorOptions) {
    this.rank = rank
    this.size = size
    this.#mpi = mpi
    this.#abi = abi
    this.#timeoutSeconds = timeoutSeconds
    process.on('uncaughtExceptionMonitor', printUncaught)
    process.on('exit', this.#abortAtExit)
    const launcher = process.ppid
    this.#launcherCheck = setInterval(() => {
      if (process.ppid !== launcher) this.#endAll('its launcher is gone')
    }, LAUNCHER_CHECK_MILLISECONDS)
    this.#launcherCheck.unref()
  }

  async allReduceSum(values: Float32Array): Promise<void> {
    const { inPlace, sum, world } = this.#abi
    await this.#inChunks(values, 'Allreduce', (part, done) =>
      this.#mpi.allReduce.async(inPlace, part, part.length, this.#type(part), sum, world, done),
    )
  }

  async allGather<T extends Elements>(values: T): Promise<T> {
    const gathered = emptyLike(values, this.size * values.length)
    const [count, type] = [values.length, this.#type(values)]
    await this.#call('Allgather', (done) =>
      this.#mpi.allGather.async(values, count, type, gathered, count, type, this.#abi.world, done),
    )
    return gathered
  }

  async allToAll<T extends Elements>(
    send: T,
    sendCounts: readonly number[],
    receiveCounts: readonly number[],
  ): Promise<T> {
    const [from, to] = [this.#layout(sendCounts), this.#layout(receiveCounts)]
    if (from.total !== send.length)
      throw new ShapeError(`allToAll: the parts add up to ${from.total} elements, the array has ${send.length}`)
    const received = emptyLike(send, to.total)
    const type = this.#type(send)
    await this.#call('Alltoallv', (done) =>
      this.#mpi.allToAll.async(
        send,
        from.counts,
        from.offsets,
        type,
        received,
        to.counts,
        to.offsets,
        type,
        this.#abi.world,
        done,
      ),
    )
    return received
  }

  async broadcast(values: Elements, root = 0): Promise<void> {
    if (!Number.isInteger(root) || root < 0 || root >= this.size)
      throw new ShapeError(`broadcast: the root is a rank from 0 to ${this.size - 1}, got ${root}`)
    await this.#inChunks(values, 'Bcast', (part, done) =>
      this.#mpi.broadcast.async(part, part.length, this.#type(part), root, this.#abi.world, done),
    )
  }

  barrier(limited = true): Promise<void> {
    return this.#call('Barrier', (done) => this.#mpi.barrier.async(this.#abi.world, done), limited)
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#finalize()
    return this.#disposal
  }

  async #finalize(): Promise<void> {
    await this.#enqueue('Barrier', (done) => this.#mpi.barrier.async(this.#abi.world, done))
    await this.#enqueue('Finalize', (done) => this.#mpi.finalize.async(done))
    clearInterval(this.#launcherCheck)
    process.off('exit', this.#abortAtExit)
    process.off('uncaughtExceptionMonitor', printUncaught)
  }

  /** MPI_COMM_WORLD is aborted by a process that ends early: under MPICH the launcher would else report success. */
  readonly #abortAtExit = (code: number): void => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FORWARDING_MILLISECONDS)
    this.#mpi.abort(this.#abi.world, code || 1)
  }

  /** All chunks are queued at once: another call must not come between them on one rank and after them on another. */
  async #inChunks<T extends Elements>(values: T, name: string, start: (part: T, done: Done) => void): Promise<void> {
    await Promise.all([...chunks(values)].map((part) => this.#call(name, (done) => start(part, done))))
  }

  async #call(name: string, start: (done: Done) => void, limited = true): Promise<void> {
    if (this.#disposal) throw new DisposedError('the communication has ended; MPI does not start twice in a process')
    return this.#enqueue(name, start, limited)
  }

  #enqueue(name: string, start: (done: Done) => void, limited = true): Promise<void> {
    const call = this.#last.then(() => this.#timed(name, start, limited))
    this.#last = call.catch(() => undefined)
    return call
  }

  async #timed(name: string, start: (done: Done) => void, limited: boolean): Promise<void> {
    const timer = limited ? setTimeout(() => this.#giveUp(name), 1000 * this.#timeoutSeconds) : undefined
    try {
      const code = await new Promise<number>((resolve, reject) =>
        start((error, result) => (error ? reject(error) : resolve(result))),
      )
      checkMpi(this.#mpi, name, code)
    } finally {
      clearTimeout(timer)
    }
  }

  #giveUp(name: string): void {
    this.#endAll(
      `it has waited ${this.#timeoutSeconds} s for the others in MPI ${name}; one of them hangs or cannot be reached (${TIMEOUT_VARIABLE} sets the limit in seconds)`,
    )
  }

  /**
   * The thread inside MPI cannot be stopped, so nothing is thrown: the process ends, and with it the training. Ranks that
   * outlived their launcher would write over what the next one starts.
   */
  #endAll(reason: string): void {
    clearInterval(this.#launcherCheck)
    writeSync(
      2,
      `blip2: rank ${this.rank}: ${reason}. Ending the training; the same command with --resume goes on from the last checkpoint.\n`,
    )
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1000 * ABORT_SECONDS)
    setTimeout(() => this.#mpi.abort.async(this.#abi.world, 1, () => process.exit(1)), FORWARDING_MILLISECONDS)
  }

  #type(values: Elements): Handle {
    return values instanceof Float32Array ? this.#abi.float : this.#abi.int
  }

  #layout(parts: readonly number[]) {
    if (parts.length !== this.size || parts.some((count) => !Number.isSafeInteger(count) || count < 0))
      throw new ShapeError(`allToAll: expected ${this.size} counts of at least 0, got ${parts.join(', ')}`)
    const offsets = parts.map((_, rank) => parts.slice(0, rank).reduce((sum, count) => sum + count, 0))
    const total = offsets.at(-1)! + parts.at(-1)!
    if (total > MAX_COUNT)
      throw new ShapeError(`allToAll: ${total} elements at once, at most ${MAX_COUNT} are possible`)
    return { counts: Int32Array.from(parts), offsets: Int32Array.from(offsets), total }
  }
}

/** Node prints an uncaught error after the 'exit' event, which does not return here. */
const printUncaught = (error: Error): void => {
  writeSync(2, `${error.stack ?? error}\n`)
}

function* chunks<T extends Elements>(values: T): Generator<T> {
  for (let start = 0; start < values.length; start += CHUNK) yield values.subarray(start, start + CHUNK) as T
}

function emptyLike<T extends Elements>(values: T, length: number): T {
  if (length > MAX_COUNT) throw new ShapeError(`${length} elements at once, at most ${MAX_COUNT} are possible`)
  return (values instanceof Float32Array ? new Float32Array(length) : new Int32Array(length)) as T
}
