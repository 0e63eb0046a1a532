import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const COMMAND = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js')
const STEPS = 12

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-kill-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const start = (out: string) =>
  spawn(
    'node',
    [
      COMMAND,
      'pretrain',
      'stage1',
      '--preset',
      'emoji-quick',
      '--steps',
      `${STEPS}`,
      '--checkpoint-every',
      '4',
      '--out',
      out,
      '--resume',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )

const ended = (child: ReturnType<typeof start>) => new Promise((resolve) => child.once('exit', resolve))

async function lossesOf(out: string): Promise<Map<number, number>> {
  const text = await readFile(join(out, 'metrics.jsonl'), 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => line.endsWith('}'))
  return new Map(
    lines.map((line) => JSON.parse(line) as { step: number; loss: number }).map(({ step, loss }) => [step, loss]),
  )
}

describe('kill -9', () => {
  it('loses nothing but the steps since the last checkpoint: the losses go on as if it had not been', async () => {
    const [whole, killed] = [join(directory, 'whole'), join(directory, 'killed')]
    expect(await ended(start(whole))).toBe(0)
    const child = start(killed)
    while (!(await lossesOf(killed)).has(6)) await new Promise((resolve) => setTimeout(resolve, 100))
    child.kill('SIGKILL')
    await ended(child)
    expect(await ended(start(killed))).toBe(0)
    const [expected, found] = [await lossesOf(whole), await lossesOf(killed)]
    expect([...found.keys()]).toEqual([...expected.keys()])
    for (const [step, loss] of expected)
      expect(Math.abs(found.get(step)! - loss) / loss, `step ${step}`).toBeLessThan(1e-6)
  })
})
