import { CommunicationError } from './communicationError.js'
import type { Handle } from './mpiConstants.js'
import type { MpiLibrary } from './mpiLibrary.js'

/** An array whose bytes MPI reads or writes, or an address. */
type Pointer = ArrayBufferView | bigint

/** A function of the library: gives MPI's error code. The async form runs on another thread. */
interface Call<Arguments extends readonly unknown[]> {
  (...args: Arguments): number
  async(...args: [...Arguments, (error: unknown, code: number) => void]): void
}

/** The functions of MPI that are used, as C has them; counts are in elements. */
export type MpiBindings = ReturnType<typeof bindMpi>

export function bindMpi({ handle: library, abi }: MpiLibrary) {
  const POINTER = 'void *'
  const INT = 'int'
  const HANDLE = abi.handle
  const bind = <Arguments extends readonly unknown[]>(name: string, types: readonly string[]) =>
    library.func(name, 'int', [...types]) as unknown as Call<Arguments>
  return {
    initThread: bind<[argc: Pointer, argv: Pointer, required: number, provided: Pointer]>('MPI_Init_thread', [
      POINTER,
      POINTER,
      INT,
      POINTER,
    ]),
    initialized: bind<[flag: Pointer]>('MPI_Initialized', [POINTER]),
    finalize: bind<[]>('MPI_Finalize', []),
    abort: bind<[comm: Handle, code: number]>('MPI_Abort', [HANDLE, INT]),
    commRank: bind<[comm: Handle, rank: Pointer]>('MPI_Comm_rank', [HANDLE, POINTER]),
    commSize: bind<[comm: Handle, size: Pointer]>('MPI_Comm_size', [HANDLE, POINTER]),
    setErrorHandler: bind<[comm: Handle, handler: Handle]>('MPI_Comm_set_errhandler', [HANDLE, HANDLE]),
    errorString: bind<[code: number, text: Pointer, length: Pointer]>('MPI_Error_string', [INT, POINTER, POINTER]),
    allReduce: bind<[send: Pointer, receive: Pointer, count: number, type: Handle, operation: Handle, comm: Handle]>(
      'MPI_Allreduce',
      [POINTER, POINTER, INT, HANDLE, HANDLE, HANDLE],
    ),
    allGather: bind<
      [send: Pointer, sendCount: number, sendType: Handle, receive: Pointer, count: number, type: Handle, comm: Handle]
    >('MPI_Allgather', [POINTER, INT, HANDLE, POINTER, INT, HANDLE, HANDLE]),
    allToAll: bind<
      [
        send: Pointer,
        sendCounts: Pointer,
        sendOffsets: Pointer,
        sendType: Handle,
        receive: Pointer,
        counts: Pointer,
        offsets: Pointer,
        type: Handle,
        comm: Handle,
      ]
    >('MPI_Alltoallv', [POINTER, POINTER, POINTER, HANDLE, POINTER, POINTER, POINTER, HANDLE, HANDLE]),
    broadcast: bind<[values: Pointer, count: number, type: Handle, root: number, comm: Handle]>('MPI_Bcast', [
      POINTER,
      INT,
      HANDLE,
      INT,
      HANDLE,
    ]),
    barrier: bind<[comm: Handle]>('MPI_Barrier', [HANDLE]),
  }
}

/** Throws a CommunicationError with MPI's own words for a code that is not success. */
export function checkMpi(mpi: MpiBindings, name: string, code: number): void {
  if (code === 0) return
  const text = Buffer.alloc(512) // MPI_MAX_ERROR_STRING is 256 or 512
  const length = new Int32Array(1)
  mpi.errorString(code, text, length)
  throw new CommunicationError(`MPI ${name} failed: ${text.toString('latin1', 0, length[0])} (${code})`)
}
