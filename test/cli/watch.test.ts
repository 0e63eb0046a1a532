import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sparkline } from '../../src/cli/sparkline.js'
import { runCommand } from './runCommand.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-watch-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const line = (step: number) =>
  `${JSON.stringify({ step, loss: 10 - step, lr: 1e-5, samplesPerSecond: 8, residentBytes: 3 * 2 ** 20 })}\n`

async function writeRun(steps: number) {
  await writeFile(join(directory, 'config.json'), JSON.stringify({ kind: 'stage1', steps: 8, batch: 16 }))
  const lines = Array.from({ length: steps }, (_, i) => line(i + 1))
  await writeFile(join(directory, 'metrics.jsonl'), lines.join(''))
}

describe('blip2 watch', () => {
  it('draws a curve for each metric, once where nobody watches', async () => {
    await writeRun(4)
    const { code, out, err } = await runCommand(['watch', directory])
    expect([code, err]).toEqual([0, ''])
    const [title, ...rows] = out.trimEnd().split('\n')
    expect(title).toBe(`${directory}  stage1  step 4/8  8 s left`)
    expect(rows[0]).toMatch(/^loss +█▆▃▁ +6\.000 {2}6\.000 to 9\.000$/)
    expect(rows[1]).toMatch(/^lr .* 1\.0e-5 /)
    expect(rows[3]).toMatch(/^residentBytes .* 3 MiB {2}3 MiB to 3 MiB$/)
  })

  it('draws once into a file, whoever watches the progress', async () => {
    await writeRun(4)
    const { code } = await runCommand(['watch', directory], { interactive: true, outIsTerminal: false })
    expect(code).toBe(0)
  })

  it('follows a run to its end, drawing over what it drew', async () => {
    await writeRun(7)
    const watching = runCommand(['watch', directory], { interactive: true })
    await appendFile(join(directory, 'metrics.jsonl'), line(8))
    const { code, out } = await watching
    expect(code).toBe(0)
    expect(out.trimEnd().split('\n').at(-5)).toMatch(/step 8\/8 {2}ended$/)
  })

  it('gives the state as JSON', async () => {
    await writeRun(2)
    const { out } = await runCommand(['watch', directory, '--json'])
    expect(JSON.parse(out)).toEqual({
      kind: 'stage1',
      steps: 8,
      batch: 16,
      step: 2,
      ended: false,
      secondsLeft: 12,
      metrics: { loss: 8, lr: 1e-5, samplesPerSecond: 8, residentBytes: 3 * 2 ** 20 },
    })
  })

  it('says what a directory lacks', async () => {
    const { code, err } = await runCommand(['watch', directory])
    expect([code, err]).toEqual([1, expect.stringMatching(/^blip2: cannot read .*config\.json: .* --out directory/)])
    await writeRun(0)
    expect((await runCommand(['watch', directory])).err).toMatch(/has not done its first step\n$/)
  })
})

describe('a sparkline', () => {
  it('shows the means of parts where there are more values than room', () => {
    expect(sparkline([0, 0, 7, 7, 3, 4], 3)).toBe('▁█▅')
    expect(sparkline([2, 2], 9)).toBe('▁▁')
  })
})
