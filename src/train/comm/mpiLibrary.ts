import type { LibraryHandle } from 'koffi'
import { CommunicationError } from './communicationError.js'
import type { Environment, LauncherFamily } from './launcher.js'
import { type MpiAbi, MPICH, openMpi, STANDARD } from './mpiConstants.js'

/** Names the MPI library to use, where the usual names do not find the launcher's. */
export const LIBRARY_VARIABLE = 'BLIP2_MPI_LIBRARY'

export interface MpiLibrary {
  /** Name or path that it was found by. */
  readonly name: string
  readonly handle: LibraryHandle
  readonly abi: MpiAbi
}

const OPEN_MPI_NAMES = ['libmpi.so.40', 'libmpi.so', 'libmpi.40.dylib', '/opt/homebrew/lib/libmpi.40.dylib']
const MPICH_NAMES = ['libmpich.so.12', 'libmpi.so.12', 'libmpi.12.dylib', '/opt/homebrew/lib/libmpi.12.dylib']
const STANDARD_NAMES = ['libmpi_abi.so', 'libmpi_abi.so.0']

/** MPICH's calls need more than koffi's 128 KiB: it crashes with less. */
const ASYNC_STACK_BYTES = 4 << 20

/**
 * Opens the machine's MPI library, that of the launcher's family first, and finds out how it is called. Throws a
 * CommunicationError with what to install where koffi or the library is missing.
 */
export async function openMpiLibrary(family: LauncherFamily, environment: Environment): Promise<MpiLibrary> {
  const koffi = await importKoffi()
  prepareUcx()
  koffi.config({ async_stack_size: ASYNC_STACK_BYTES })
  const chosen = environment[LIBRARY_VARIABLE]
  const names = chosen ? [chosen] : candidates(family)
  const failures: string[] = []
  for (const name of names) {
    try {
      // Global: Open MPI's own plugins look up its symbols.
      const handle = koffi.load(name, { global: true })
      keepLoaded(koffi, name)
      return { name, handle, abi: abiOf(handle, (symbol) => koffi.address(handle.symbol(symbol))) }
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`)
    }
  }
  throw new CommunicationError(missing(chosen, failures))
}

/**
 * UCX, on which MPICH and Open MPI may stand, reads its settings as it is loaded. It takes over SIGSEGV, which
 * WebAssembly needs for its bounds checks; and it writes jumps over the first bytes of the C library's mmap, munmap and
 * madvise, which Node's other threads may be executing at that moment: about one start in twenty-five crashed where
 * they did so all the time.
 */
function prepareUcx(): void {
  process.env['UCX_ERROR_SIGNALS'] ??= ''
  process.env['UCX_MEM_EVENTS'] ??= 'n'
}

type Koffi = typeof import('koffi')['default']

/**
 * Takes a reference to the library that is never given back. When Node ends, koffi would unload it before Node's own
 * threads end, and as they do, Open MPI has those that called it run a function that is gone: ranks on several hosts
 * crashed after all was done.
 */
function keepLoaded(koffi: Koffi, name: string): void {
  const RTLD_LAZY = 1
  koffi.load(null).func('dlopen', 'void *', ['str', 'int'])(name, RTLD_LAZY)
}

async function importKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default
  } catch (cause) {
    throw new CommunicationError('training on several ranks needs the package koffi: run `npm install koffi`', {
      cause,
    })
  }
}

function candidates(family: LauncherFamily): string[] {
  if (family === 'MPICH') return [...MPICH_NAMES, ...STANDARD_NAMES, ...OPEN_MPI_NAMES]
  return [...OPEN_MPI_NAMES, ...MPICH_NAMES, ...STANDARD_NAMES]
}

function abiOf(library: LibraryHandle, addressOf: (symbol: string) => bigint): MpiAbi {
  if (hasStandardAbi(library)) return STANDARD
  return has(library, 'ompi_mpi_comm_world') ? openMpi(addressOf) : MPICH
}

function hasStandardAbi(library: LibraryHandle): boolean {
  if (!has(library, 'MPI_Abi_get_version')) return false
  const [major, minor] = [new Int32Array(1), new Int32Array(1)]
  library.func('MPI_Abi_get_version', 'int', ['void *', 'void *'])(major, minor)
  return major[0]! >= 1
}

function has(library: LibraryHandle, symbol: string): boolean {
  try {
    library.symbol(symbol)
    return true
  } catch {
    return false
  }
}

function missing(chosen: string | undefined, failures: readonly string[]): string {
  if (chosen) return `${LIBRARY_VARIABLE} names no library that can be opened: ${failures.join('; ')}`
  return [
    'no MPI library was found. Install the one that the launcher belongs to:',
    '`sudo apt-get install openmpi-bin` (mpirun.openmpi), `sudo apt-get install mpich` (mpiexec.mpich),',
    '`brew install open-mpi` on a Mac;',
    `or name it in ${LIBRARY_VARIABLE}. Tried ${failures.join('; ')}`,
  ].join(' ')
}
