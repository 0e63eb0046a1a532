import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Family, LAUNCHERS } from './launch.js'
import { type LaunchedRuns, launchedRuns, until } from './launchedRun.js'

let runs: LaunchedRuns
beforeAll(async () => {
  // Longer than any test lasts.
  runs = await launchedRuns({ steps: 5000, checkpointEvery: 4 })
})
afterAll(() => runs?.remove())

const stepsOf = async (out: string) => (await runs.metricsOf(out)).map(({ step }) => step)

const reaches = (out: string, step: number) =>
  until(`step ${step} of ${out}`, async () => ((await stepsOf(out)).at(-1) ?? 0) >= step)

const allEnd = (out: string) => until(`no rank of ${out} lives`, async () => (await runs.ranksOf(out)).length === 0)

/** The same command goes on after the last checkpoint. */
async function expectToGoOn(family: Family, out: string) {
  const saved = await runs.checkpointOf(out)
  const { launcher, code } = runs.start(family, out)
  await reaches(out, saved + 6)
  expect(await stepsOf(out)).toEqual(Array.from(await stepsOf(out), (_, i) => i + 1))
  launcher.kill('SIGKILL')
  await code
  await allEnd(out)
}

const onLinux = process.platform === 'linux'

describe.skipIf(!onLinux).each(Object.keys(LAUNCHERS) as Family[])('two ranks under %s', (family) => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'write a checkpoint of the last step when the launcher gets %s',
    async (signal) => {
      const out = `${family} ${signal}`
      const { launcher, code } = runs.start(family, out)
      await reaches(out, 5)
      launcher.kill(signal)
      expect(await code).not.toBe(0)
      await allEnd(out)
      expect(await runs.checkpointOf(out)).toBe((await stepsOf(out)).at(-1))
    },
  )

  it('end when one is killed, and go on with the same command', async () => {
    const out = `${family} rank`
    const { code } = runs.start(family, out)
    await reaches(out, 5)
    process.kill((await runs.ranksOf(out))[1]!, 'SIGKILL')
    expect(await code).not.toBe(0)
    await allEnd(out)
    await expectToGoOn(family, out)
  })

  it('end when their launcher is killed', async () => {
    const out = `${family} launcher`
    const { launcher, code } = runs.start(family, out)
    await reaches(out, 5)
    launcher.kill('SIGKILL')
    await code
    await allEnd(out)
  })
})
