import assert from 'node:assert/strict'
import { openSync, readFileSync, readSync } from 'node:fs'
import koffi from 'koffi'
import { openCommunicator } from '../../../../src/train/comm/openCommunicator.js'

/** While MPI runs, the C library's memory functions must begin as in the file that they were loaded from. */
const BYTES = 16
const communicator = await openCommunicator()
await communicator.barrier()
const library = koffi.load('libc.so.6')
for (const name of ['mmap', 'munmap', 'mremap', 'madvise', 'brk', 'sbrk', 'shmat', 'shmdt']) {
  const inMemory: number[] = koffi.decode(library.symbol(name), koffi.array('uint8_t', BYTES, 'Array'))
  assert.deepEqual(inMemory, inFile(koffi.address(library.symbol(name))), name)
}
await communicator.dispose()
if (communicator.rank === 0) process.stdout.write('nothing was written over\n')

function inFile(address: bigint): number[] {
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const [range, , offset, , , path] = line.split(/\s+/)
    const [start, end] = range!.split('-').map((hex) => BigInt(`0x${hex}`))
    if (!path || address < start! || address >= end!) continue
    const bytes = Buffer.alloc(BYTES)
    readSync(openSync(path, 'r'), bytes, 0, BYTES, address - start! + BigInt(`0x${offset}`))
    return [...bytes]
  }
  throw new Error(`no library is mapped at ${address}`)
}
