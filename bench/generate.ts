import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { generate } from '../src/generate/generate.js'
import { languageGenerator } from '../src/generate/languageGenerator.js'
import { naiveDecoder } from '../src/generate/naive.js'
import { DEFAULT_GENERATION } from '../src/generate/options.js'
import { optEmbeddingWidth } from '../src/models/opt.js'
import { float32, int64 } from '../src/runtime/index.js'
import { Blip2 } from '../src/tasks/blip2.js'
import { openModelWeights } from '../src/tasks/modelWeights.js'
import { Blip2Thread } from '../src/tasks/thread/blip2Thread.js'
import { defaultCacheDirectory } from '../src/weights/cacheDirectory.js'
import { readModelDirectory } from '../src/weights/modelDirectory.js'
import type { Benchmark, Figures } from './main.js'
import { medianSeconds, randomValues } from './measure.js'

export const takesArguments = true

/** As seen from the built benchmark. */
const EMOJI = fileURLToPath(new URL('../../models/emoji', import.meta.url))
const PICTURES = fileURLToPath(new URL('../../assets/demo/', import.meta.url))
const BATCHES = [1, 8, 32] as const
const RUNS = 3
/** Tokens of the texts that are compared with the naive decoder. */
const TOKENS = 16

/**
 * Captions from PNG bytes to text with models/emoji, or `--model DIR`: greedy and with five beams, the time to the first
 * token, decoding alone, the same without a cache, and how long the event loop waits: with the model in a thread, its opening
 * included, and in this one.
 */
export const bench: Benchmark = async (note, args) => {
  const { values } = parseArgs({ args: [...args], options: { model: { type: 'string' }, batches: { type: 'string' } } })
  const path = values.model ?? EMOJI
  const batches = values.batches?.split(',').map(Number) ?? BATCHES
  const pictures = await demoPictures(Math.max(...batches))
  const model = await Blip2.fromPretrained(path)
  const captionsPerSecond: Record<string, number> = {}
  const captionsPerSecondBeam5: Record<string, number> = {}
  for (const batch of batches) {
    const images = pictures.slice(0, batch)
    for (const [rates, numBeams] of [[captionsPerSecond, 1] as const, [captionsPerSecondBeam5, 5] as const]) {
      rates[`batch${batch}`] = batch / (await medianSeconds(() => model.caption(images, { numBeams }), RUNS))
      note(`${batch} pictures, ${numBeams} beams: ${rates[`batch${batch}`]!.toFixed(1)} captions/s`)
    }
  }
  const firstTokenMs = 1000 * (await medianSeconds(() => firstPiece(model, pictures[0]!), RUNS))
  const here = await eventLoopDelay(() => model.caption(pictures, { numBeams: 5 }))
  await model.dispose()
  const inThread = await eventLoopDelay(async () => {
    await using opened = await Blip2Thread.fromPretrained(path)
    await opened.caption(pictures, { numBeams: 5 })
  })
  note(`event loop, model in a thread, opening included: p99 ${inThread['p99']} ms, at most ${inThread['max']} ms`)
  return {
    captionsPerSecond,
    captionsPerSecondBeam5,
    beam5OverGreedyCost: captionsPerSecond[`batch${batches[0]}`]! / captionsPerSecondBeam5[`batch${batches[0]}`]!,
    firstTokenMs,
    ...(await decoding(path)),
    eventLoopDelayMs: inThread,
    eventLoopDelayInProcessMs: here,
    peakMemoryGB: (process.resourceUsage().maxRSS * 1024) / 1e9,
  }
}

/** PNG bytes, again from the first where there are too few. */
async function demoPictures(count: number): Promise<Uint8Array[]> {
  const names = (await readdir(PICTURES)).filter((name) => name.endsWith('.png')).sort()
  const files = await Promise.all(names.map((name) => readFile(join(PICTURES, name))))
  return Array.from({ length: count }, (_, i) => files[i % files.length]!)
}

async function firstPiece(model: Blip2, picture: Uint8Array): Promise<void> {
  for await (const _ of model.caption.stream(picture, { numBeams: 1 })) return
}

/** The language model alone, from random soft prompts: tokens a second, and how much slower it is without a cache. */
async function decoding(path: string): Promise<Figures> {
  const directory = await readModelDirectory(path)
  const { language, qformer } = directory.config
  const weights = await openModelWeights(directory, { cacheDirectory: defaultCacheDirectory() })
  if (!weights.language) return {}
  const width = language.kind === 'opt' ? optEmbeddingWidth(language) : language.width
  const prompt = float32([1, qformer.queries, width], randomValues(qformer.queries * width, 1))
  const START = 2
  const texts = { ids: int64([1, 1], [START]).data, mask: int64([1, 1], [1]).data, shape: [1, 1] as [number, number] }
  const options = { ...DEFAULT_GENERATION, numBeams: 1, minNewTokens: TOKENS, maxNewTokens: TOKENS }
  const generator = languageGenerator(language, weights.language)
  const cached = await medianSeconds(() => generate(generator.decode(prompt, texts, TOKENS), options), RUNS)
  await generator.dispose()
  const naive = await medianSeconds(
    () => generate(naiveDecoder(language, weights.language!, prompt, [[START]]), options),
    1,
  )
  return { decodeTokensPerSecond: TOKENS / cached, naiveOverCached: naive / cached }
}

async function eventLoopDelay(work: () => Promise<unknown>): Promise<Figures> {
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  monitor.enable()
  await work()
  monitor.disable()
  return { p50: monitor.percentile(50) / 1e6, p99: monitor.percentile(99) / 1e6, max: monitor.max / 1e6 }
}
