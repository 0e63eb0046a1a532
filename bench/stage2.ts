import { execFile } from 'node:child_process'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { SYNTH_PRESETS, type SynthPreset } from '../src/synth/presets.js'
import { defaultCacheDirectory } from '../src/weights/cacheDirectory.js'
import type { Benchmark } from './main.js'
import { writeRandomLanguageModel } from './randomLanguageModel.js'

export const takesArguments = true

const RUN = fileURLToPath(new URL('./stage2Run.js', import.meta.url))

/**
 * Steps of stage 2 of a model of released size, whose frozen language model has random weights of 8 bits, mapped from a
 * file that is written the first time (3 GB for OPT-2.7B). The encoder's features are given, as from a cache of them.
 *
 * `--preset NAME` (default blip2-opt-2.7b), `--batch N` (default 4), `--steps N` after the first (2), `--recompute`, `--folder DIR` for the file.
 */
export const bench: Benchmark = async (note, args) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      preset: { type: 'string', default: 'blip2-opt-2.7b' },
      batch: { type: 'string', default: '4' },
      steps: { type: 'string', default: '2' },
      recompute: { type: 'boolean', default: false },
      folder: { type: 'string', default: join(defaultCacheDirectory(), 'stage2') },
    },
  })
  const { preset, batch, steps, recompute, folder } = values
  if (!Object.hasOwn(SYNTH_PRESETS, preset))
    throw new Error(`--preset is one of ${Object.keys(SYNTH_PRESETS).join(', ')}, not '${preset}'`)
  for (const [name, value] of Object.entries({ batch, steps }))
    if (!(Number.isSafeInteger(Number(value)) && Number(value) > 0))
      throw new Error(`--${name} is a whole number above 0, not '${value}'`)
  const file = join(folder, `${preset}.q8.safetensors`)
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    note(`writing ${file}`)
    await mkdir(folder, { recursive: true })
    await writeRandomLanguageModel(SYNTH_PRESETS[preset as SynthPreset], file)
  }
  // In a process of its own, whose memory is measured.
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[RUN, preset, file, batch, steps],
    ...(recompute ? ['recompute'] : []),
  ])
  return JSON.parse(stdout) as Record<string, number>
}
