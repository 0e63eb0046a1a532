import { fileURLToPath } from 'node:url'
import { MODEL_DTYPES, type ModelDtypeName } from '../src/quantize/weightBits.js'
import { Blip2 } from '../src/tasks/blip2.js'
import { median } from './measure.js'

/** What one process measured: seconds and bytes. */
export interface MeasuredRun {
  /** Until the first caption, less what a caption takes once all is loaded. */
  readonly loadSeconds: number
  readonly peakBytes: number
  /** A picture through the encoder. */
  readonly encodeSeconds: number
  /** Q-Former, soft prompt and the first token. */
  readonly prefillSeconds: number
  /** Each further token, greedy. */
  readonly tokenSeconds: number
}

const PICTURE = fileURLToPath(new URL('../../assets/demo/noto-v1-octopus.png', import.meta.url))
const RUNS = 3
const NEW_TOKENS = 16

const [directory, cacheDir, dtype, what] = process.argv.slice(2)
if (directory === undefined || cacheDir === undefined || dtype === undefined || !Object.hasOwn(MODEL_DTYPES, dtype))
  throw new Error('usage: fullSizeRun DIRECTORY CACHE DTYPE convert|measure')

const start = performance.now()
const model = await Blip2.fromPretrained(directory, { dtype: MODEL_DTYPES[dtype as ModelDtypeName], cacheDir })
const opened = secondsSince(start)
console.log(JSON.stringify(what === 'measure' ? await measure(model, opened) : { convertSeconds: opened }))
await model.dispose()

async function measure(model: Blip2, opened: number): Promise<MeasuredRun> {
  const encode = () => seconds(() => model.encode(PICTURE))
  // Of the picture, so that the parts are opened in the order that takes the least memory.
  const firstCaption = await seconds(() => model.caption(PICTURE, { numBeams: 1, minNewTokens: 1, maxNewTokens: 1 }))
  const encodeSeconds = await medianOf(encode)
  const picture = await model.encode(PICTURE)
  const write = (tokens: number) => () =>
    seconds(() => model.caption(picture, { numBeams: 1, minNewTokens: tokens, maxNewTokens: tokens }))
  const prefillSeconds = await medianOf(write(1))
  const longSeconds = await medianOf(write(1 + NEW_TOKENS))
  return {
    loadSeconds: opened + firstCaption - encodeSeconds - prefillSeconds,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    encodeSeconds,
    prefillSeconds,
    tokenSeconds: (longSeconds - prefillSeconds) / NEW_TOKENS,
  }
}

async function medianOf(time: () => Promise<number>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < RUNS; i++) times.push(await time())
  return median(times)
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return secondsSince(begin)
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000
}
