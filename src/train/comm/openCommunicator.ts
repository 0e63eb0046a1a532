import { ConfigError } from '../../errors.js'
import { CommunicationError } from './communicationError.js'
import { type Communicator, SingleProcess } from './communicator.js'
import { type Environment, type Launch, launchOf } from './launcher.js'
import { bindMpi, checkMpi, type MpiBindings } from './mpiBindings.js'
import { MpiCommunicator, TIMEOUT_VARIABLE } from './mpiCommunicator.js'
import { LIBRARY_VARIABLE, type MpiLibrary, openMpiLibrary } from './mpiLibrary.js'

/** Long enough for a checkpoint or a slow rank, during which the others wait. */
const TIMEOUT_SECONDS = 600

/** MPI's threading levels. Collectives come from several threads, one at a time, so serialized is enough. */
const THREAD_SERIALIZED = 2
const THREAD_MULTIPLE = 3

/**
 * The ranks that mpirun, mpiexec or srun started, or this process alone: then no MPI is needed. To be called once in a
 * process. Throws a CommunicationError where the library is missing or is not the launcher's, a ConfigError where it is
 * called again.
 */
export async function openCommunicator(environment: Environment = process.env): Promise<Communicator> {
  const launch = launchOf(environment)
  if (!launch || launch.ranks === 1) return new SingleProcess()
  const timeoutSeconds = timeoutOf(environment)
  const library = await openMpiLibrary(launch.family, environment)
  const mpi = bindMpi(library)
  start(mpi)
  const { abi } = library
  const rank = answerOf(mpi, (answer) => mpi.commRank(abi.world, answer))
  const size = answerOf(mpi, (answer) => mpi.commSize(abi.world, answer))
  const communicator = new MpiCommunicator({ mpi, abi, rank, size, timeoutSeconds })
  checkMpi(mpi, 'Comm_set_errhandler', mpi.setErrorHandler(abi.world, abi.errorsReturn))
  checkSize(size, launch, library)
  return communicator
}

function timeoutOf(environment: Environment): number {
  const text = environment[TIMEOUT_VARIABLE]
  if (text === undefined) return TIMEOUT_SECONDS
  const seconds = Number(text)
  // Timers hold 31 bits of milliseconds.
  if (!(seconds > 0 && seconds <= 2_000_000))
    throw new ConfigError(`${TIMEOUT_VARIABLE} is '${text}'; expected seconds, more than 0 and at most 2000000`)
  return seconds
}

function start(mpi: MpiBindings): void {
  if (answerOf(mpi, (answer) => mpi.initialized(answer)) !== 0)
    throw new ConfigError('MPI starts once in a process; keep the communicator that was opened first')
  const provided = answerOf(mpi, (answer) => mpi.initThread(0n, 0n, THREAD_MULTIPLE, answer))
  if (provided < THREAD_SERIALIZED)
    throw new CommunicationError('this MPI library cannot be called from several threads; use one built with threads')
}

function answerOf(mpi: MpiBindings, query: (answer: Int32Array) => number): number {
  const answer = new Int32Array(1)
  checkMpi(mpi, 'setup', query(answer))
  return answer[0]!
}

/** A launcher of one MPI with the library of another gives many worlds of one rank, each thinking it is alone. */
function checkSize(size: number, { ranks, variable, family }: Launch, { name, abi }: MpiLibrary): void {
  if (size === ranks) return
  const program = family === 'Slurm' ? 'srun' : `a launcher of ${family}`
  throw new CommunicationError(
    `${program} started ${ranks} ranks (${variable}), but ${name} (${abi.family}) sees ${size}: launcher and library are of different MPIs. Use the launcher that belongs to the library, or name the launcher's library in ${LIBRARY_VARIABLE}`,
  )
}
