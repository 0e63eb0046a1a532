/** How a family of MPI libraries is called: what its handles are in C, and the values of the predefined ones. */
export interface MpiAbi {
  readonly family: 'Open MPI' | 'MPICH' | 'MPI standard ABI'
  /** C type of a handle. */
  readonly handle: 'int' | 'void *'
  readonly world: Handle
  readonly float: Handle
  readonly int: Handle
  readonly sum: Handle
  readonly errorsReturn: Handle
  /** Given as the send buffer: the receive buffer is both. */
  readonly inPlace: bigint
}

/** An address where handles are pointers, a number where they are integers. */
export type Handle = bigint | number

/** Handles are numbers fixed by MPICH's ABI initiative; Intel MPI and others follow it. */
export const MPICH: MpiAbi = {
  family: 'MPICH',
  handle: 'int',
  world: 0x44000000,
  float: 0x4c00040a,
  int: 0x4c000405,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  inPlace: -1n,
}

/** Handles are small numbers in the place of pointers (MPI 5.0, chapter 20). */
export const STANDARD: MpiAbi = {
  family: 'MPI standard ABI',
  handle: 'void *',
  world: 0x101n,
  float: 0x210n,
  int: 0x209n,
  sum: 0x21n,
  errorsReturn: 0x142n,
  inPlace: 1n,
}

/** Handles are the addresses of objects that the library exports. */
export const openMpi = (addressOf: (symbol: string) => bigint): MpiAbi => ({
  family: 'Open MPI',
  handle: 'void *',
  world: addressOf('ompi_mpi_comm_world'),
  float: addressOf('ompi_mpi_float'),
  int: addressOf('ompi_mpi_int'),
  sum: addressOf('ompi_mpi_op_sum'),
  errorsReturn: addressOf('ompi_mpi_errors_return'),
  inPlace: 1n,
})
