import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/errors.js'
import { SingleProcess } from '../../../src/train/comm/communicator.js'
import { launchOf, refuseRanks } from '../../../src/train/comm/launcher.js'
import { openCommunicator } from '../../../src/train/comm/openCommunicator.js'

describe('how a process was launched', () => {
  it('is read from the variables of each launcher', () => {
    expect(launchOf({})).toBeUndefined()
    expect(launchOf({ OMPI_COMM_WORLD_SIZE: '4' })).toMatchObject({ family: 'Open MPI', ranks: 4 })
    expect(launchOf({ PMI_SIZE: '2' })).toMatchObject({ family: 'MPICH', ranks: 2 })
    expect(launchOf({ SLURM_STEP_NUM_TASKS: '8' })).toMatchObject({ family: 'Slurm', ranks: 8 })
  })

  it('is what the innermost launcher says: mpirun in a job of Slurm', () => {
    expect(launchOf({ SLURM_STEP_NUM_TASKS: '1', OMPI_COMM_WORLD_SIZE: '4' })).toMatchObject({ ranks: 4 })
  })

  it('is one process in a batch script of Slurm, which runs once', () => {
    expect(launchOf({ SLURM_NTASKS: '8' })).toBeUndefined()
  })

  it('is refused where it makes no sense', () => {
    expect(() => launchOf({ PMI_SIZE: 'many' })).toThrow(/PMI_SIZE is 'many'/)
    expect(() => refuseRanks('this training', { PMI_SIZE: '2' })).toThrow(ConfigError)
    expect(() => refuseRanks('this training', { PMI_SIZE: '1' })).not.toThrow()
  })
})

describe('a process alone', () => {
  it('needs no MPI, whether a launcher started it or not', async () => {
    const absent = { BLIP2_MPI_LIBRARY: 'libabsent.so' }
    for (const environment of [absent, { ...absent, OMPI_COMM_WORLD_SIZE: '1' }]) {
      const communicator = await openCommunicator(environment)
      expect(communicator).toBeInstanceOf(SingleProcess)
      const values = Float32Array.of(1, 2)
      await communicator.allReduceSum(values)
      expect(await communicator.allGather(values)).toEqual(Float32Array.of(1, 2))
      await communicator.dispose()
    }
  })

  it('is refused a time limit that is none, as soon as there are several', async () => {
    const environment = { PMI_SIZE: '2', BLIP2_MPI_TIMEOUT: 'soon' }
    await expect(openCommunicator(environment)).rejects.toThrow(/BLIP2_MPI_TIMEOUT is 'soon'/)
  })
})
