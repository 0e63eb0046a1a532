import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compilePrograms, type Family, LAUNCHERS, launch, type Programs, SHARED_THREADS } from './launch.js'

let programs: Programs
beforeAll(async () => {
  programs = await compilePrograms()
})
afterAll(() => programs?.remove())

const FAMILIES = Object.keys(LAUNCHERS) as Family[]

describe.each(FAMILIES)('two ranks under %s', (family) => {
  it('add up, gather, exchange and broadcast; timers go on', async () => {
    const { code, output } = await launch(family, programs.path('collectives'))
    expect(output).toContain(`all 2 ranks agree, ${SHARED_THREADS} threads each`)
    expect(code).toBe(0)
  })

  it("leave the C library's code alone, which Node's other threads execute", async () => {
    const { code, output } = await launch(family, programs.path('libraryCode'))
    expect(output).toContain('nothing was written over')
    expect(code).toBe(0)
  })

  it.each(['throws', 'returns', 'killed'])('end together, and not with success, when one %s', async (end) => {
    const { code, output } = await launch(family, programs.path('failures'), [end])
    expect(code).not.toBe(0)
    expect(output).not.toContain('not to be reached')
    if (end === 'throws') expect(output).toContain('rank 1 broke down')
  })

  it('end with an explanation when one hangs', async () => {
    const { code, output } = await launch(family, programs.path('failures'), ['hangs'], { BLIP2_MPI_TIMEOUT: '2' })
    expect(code).not.toBe(0)
    expect(output).toMatch(/rank 0: it has waited 2 s for the others in MPI Barrier; .*--resume/)
  })

  it('wait for the preparations of rank 0 beyond that limit', async () => {
    const { code, output } = await launch(family, programs.path('slowRoot'), [], { BLIP2_MPI_TIMEOUT: '1' })
    expect(output).toContain('ranks 0 and 1 are ready')
    expect(code).toBe(0)
  })

  it('are refused with the library of another MPI', async () => {
    const BLIP2_MPI_LIBRARY = { 'Open MPI': 'libmpich.so.12', MPICH: 'libmpi.so.40' }[family]
    const { code, output } = await launch(family, programs.path('collectives'), [], { BLIP2_MPI_LIBRARY })
    expect(code).not.toBe(0)
    expect(output).toMatch(
      /started 2 ranks \(\w+\), but libmpi\S+ \(.*\) sees 1: launcher and library are of different/,
    )
  })

  it('say what to install where there is no library', async () => {
    const { code, output } = await launch(family, programs.path('collectives'), [], {
      BLIP2_MPI_LIBRARY: 'libabsent.so',
    })
    expect(code).not.toBe(0)
    expect(output).toMatch(/BLIP2_MPI_LIBRARY names no library that can be opened: libabsent\.so: /)
  })
})
