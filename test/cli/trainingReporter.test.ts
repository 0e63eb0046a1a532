import { describe, expect, it } from 'vitest'
import { trainingReporter } from '../../src/cli/trainingReporter.js'

function reporter(interactive: boolean) {
  const written: string[] = []
  const io = {
    out: () => {},
    err: (text: string) => {
      written.push(text)
    },
    interactive,
    outIsTerminal: interactive,
    signal: new AbortController().signal,
  }
  return { ...trainingReporter(io), written }
}

const progress = (step: number, steps = 100) => ({
  step,
  steps,
  metrics: { loss: 2.5, itc: 1, lr: 0.001, gradientNorm: 7 },
  samplesPerSecond: 123.4,
  secondsLeft: 200,
})
const LINE = '3 min 20 s left  loss 2.500  itc 1.000  lr 1.0e-3  123 samples/s'

describe('without a terminal', () => {
  it('logs every 50th step and the last one, a line each', () => {
    const { onProgress, close, written } = reporter(false)
    for (let step = 1; step <= 120; step++) onProgress(progress(step, 120))
    close()
    expect(written).toEqual([`step 50/120  ${LINE}\n`, `step 100/120  ${LINE}\n`, `step 120/120  ${LINE}\n`])
  })
})

describe('on a terminal', () => {
  it('redraws one line, which the terminal may cut but not wrap', () => {
    const { onProgress, written } = reporter(true)
    onProgress(progress(1))
    onProgress(progress(50))
    expect(written).toEqual([
      `\r\x1b[K\x1b[?7l[${' '.repeat(24)}] step 1/100  ${LINE}\x1b[?7h`,
      `\r\x1b[K\x1b[?7l[${'='.repeat(12)}${' '.repeat(12)}] step 50/100  ${LINE}\x1b[?7h`,
    ])
  })

  it('ends the line once, before whatever is written next', () => {
    const { onProgress, onStatus, close, written } = reporter(true)
    onStatus('training ...')
    onProgress(progress(1))
    onStatus('stopped')
    onProgress(progress(2))
    close()
    close()
    expect(written.filter((text) => !text.startsWith('\r'))).toEqual(['training ...\n', '\n', 'stopped\n', '\n'])
  })
})
