import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limitedNetwork } from '../../../bench/limitedNetwork.js'
import { compilePrograms, finished, type Programs } from './launch.js'

let programs: Programs
beforeAll(async () => {
  programs = await compilePrograms()
})
afterAll(() => programs?.remove())

const mayMakeNamespaces = process.platform === 'linux' && process.getuid?.() === 0

// Two network namespaces, which only root may make, stand for two hosts.
describe.skipIf(!mayMakeNamespaces)('two ranks on two hosts', () => {
  it('add up, gather, exchange and broadcast, and end without a crash', async () => {
    await using network = await limitedNetwork(1000)
    const [launcher, ...flags] = network.launcher
    const { code, output } = await finished(launcher, [
      ...flags,
      '-n',
      '2',
      process.execPath,
      programs.path('collectives'),
    ])
    expect(output).toContain('all 2 ranks agree')
    expect(code, output).toBe(0)
  })
})
