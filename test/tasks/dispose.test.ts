import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DisposedError } from '../../src/errors.js'
import { Blip2 } from '../../src/index.js'
import { picture } from './picture.js'
import { writeTinyModel } from './tinyModel.js'

/** With so many positions the table of positions alone is 26 MB, which prefill and step both hold. */
const MAX_POSITIONS = 400_000
const TABLE_MB = (MAX_POSITIONS * 16 * 4) / 2 ** 20
const CYCLES = 8

let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-dispose-'))
  await writeTinyModel(join(parent, 'model'), ['vision', 'stage2', 'language'], { maxPositions: MAX_POSITIONS })
})
afterAll(() => rm(parent, { recursive: true }))

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

it('gives the memory of weights, compiled functions and caches back, though the model is still referred to', async () => {
  const models: Blip2[] = []
  const use = async () => {
    const model = await Blip2.fromPretrained(join(parent, 'model'))
    await model.caption(picture(1), { numBeams: 3 })
    for await (const _ of model.caption.stream(picture(2))) break
    models.push(model)
    await model.dispose()
    collectGarbage()
  }
  // The first ones fill what the allocators keep.
  for (let i = 0; i < 4; i++) await use()
  const before = process.memoryUsage.rss()
  for (let i = 0; i < CYCLES; i++) await use()
  const grownMb = (process.memoryUsage.rss() - before) / 2 ** 20
  // Kept, the tables would be three per cycle; the allocators hold a few back, however many cycles there are.
  expect(grownMb).toBeLessThan(TABLE_MB * CYCLES)
  await expect(models[0]!.caption(picture(1))).rejects.toBeInstanceOf(DisposedError)
})
