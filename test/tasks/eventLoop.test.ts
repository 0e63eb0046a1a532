import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { importCompiled } from '../setup/compiledPackage.js'

const ROOT = join(import.meta.dirname, '..', '..')

// A thread runs what is compiled.
const { Blip2Thread } = await importCompiled<typeof import('../../src/index.js')>('index.js')

it('stays free while models/emoji is opened in a thread and writes its first captions', async () => {
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  const image = await readFile(join(ROOT, 'assets/demo/noto-v1-octopus.png'))
  await delay(50)
  monitor.enable()
  await using model = await Blip2Thread.fromPretrained(join(ROOT, 'models/emoji'))
  await model.caption([image, image, image, image], { numBeams: 5 })
  monitor.disable()
  // In this thread a run alone takes longer, and opening a graph several times that.
  expect(monitor.percentile(99) / 1e6).toBeLessThan(50)
})
