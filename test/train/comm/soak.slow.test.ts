import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../../../src/train/random/random.js'
import { type Family, LAUNCHERS } from './launch.js'
import { type LaunchedRuns, launchedRuns, type Started, until } from './launchedRun.js'

/**
 * How long each family's training is disturbed; BLIP2_SOAK_MINUTES=30 for a real soak, `-t MPICH` for one family. A quiet
 * run goes before, the rest of the steps comes after: about twice as long in all.
 */
const MINUTES = Number(process.env['BLIP2_SOAK_MINUTES'] ?? 0.5)
/** Enough that the training outlasts the disturbance, whatever is lost and computed again. */
const STEPS = Math.ceil(2400 * MINUTES)
/** Kills between two lines that tell how far it is. */
const NOTE_EVERY = 50
/** Long enough for a start and some checkpoints, short enough that many a start is killed before its first step. */
const LONGEST_LIFE_MILLISECONDS = 6000

let runs: LaunchedRuns
beforeAll(async () => {
  runs = await launchedRuns({ steps: STEPS, checkpointEvery: 40 })
})
afterAll(() => runs?.remove())

const KILLS: Readonly<Record<string, (run: Started, out: string) => Promise<void>>> = {
  'a rank': async ({ launcher }, out) => {
    const victim = (await runs.ranksOf(out)).at(-1)
    if (victim === undefined) launcher.kill('SIGKILL')
    else process.kill(victim, 'SIGKILL')
  },
  'the launcher': async ({ launcher }) => void launcher.kill('SIGKILL'),
  'the launcher, which may tell its ranks': async ({ launcher }) => void launcher.kill('SIGTERM'),
}

/** Kills and starts again for so long, then lets it come to its end. -> how often it was killed */
async function disturbed(family: Family, out: string, random: Random): Promise<number> {
  const end = Date.now() + MINUTES * 60_000
  for (let kills = 0; ; ) {
    const run = runs.start(family, out)
    if (Date.now() >= end) {
      expect(await run.code).toBe(0)
      return kills
    }
    const life = wait(LONGEST_LIFE_MILLISECONDS * random.uniform())
    if ((await Promise.race([run.code, life])) === 0) return kills
    const names = Object.keys(KILLS)
    await KILLS[names[random.integer(names.length)]!]!(run, out)
    kills++
    await run.code
    await until(`no rank of ${out} lives`, async () => (await runs.ranksOf(out)).length === 0)
    if (kills % NOTE_EVERY === 0)
      console.log(`${family}: killed ${kills} times, checkpoint of step ${await runs.checkpointOf(out)} of ${STEPS}`)
  }
}

describe.skipIf(process.platform !== 'linux').each(Object.keys(LAUNCHERS) as Family[])('under %s', (family) => {
  it(
    'a training that is killed at random times has the losses of a quiet one',
    async () => {
      expect(await runs.start(family, `${family} quiet`).code).toBe(0)
      const kills = await disturbed(family, `${family} disturbed`, new Random(1, family))
      const [quiet, found] = [await runs.metricsOf(`${family} quiet`), await runs.metricsOf(`${family} disturbed`)]
      console.log(`${family}: ${quiet.length} steps, killed ${kills} times`)
      expect(kills).toBeGreaterThan(0)
      expect(found.map(({ step }) => step)).toEqual(quiet.map(({ step }) => step))
      for (const [i, { step, loss }] of quiet.entries())
        expect(Math.abs(found[i]!.loss / loss - 1), `step ${step}`).toBeLessThan(1e-6)
    },
    (5 * MINUTES + 5) * 60_000,
  )
})
