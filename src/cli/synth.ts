import { Argument, type Command } from 'commander'
import { SYNTH_PRESETS, type SynthPreset } from '../synth/presets.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption, wholeNumber } from './options.js'
import { progressLine } from './progress.js'

type Flags = JsonOption & { readonly seed: number }

export function registerSynth(program: Command, io: Io): void {
  const command = program
    .command('synth')
    .description('write a model with random weights, to rehearse sizes and speed without a download')
    .addArgument(
      new Argument('<preset>', 'whose sizes it has').choices(Object.keys(SYNTH_PRESETS) as readonly SynthPreset[]),
    )
    .argument('<dir>', 'where it is written; must not exist yet')
    .option('--seed <n>', 'the same seed gives the same weights', wholeNumber, 0)
    .action(async (preset: SynthPreset, directory: string, { seed, json }: Flags) => {
      const { synthesize } = await import('../synth/synthesize.js')
      const progress = progressLine(io)
      const toMegabytes = (bytes: number) => Math.round(bytes / 1e6)
      const written = await synthesize(preset, directory, {
        seed,
        signal: io.signal,
        onProgress: (done, total) => progress.report('writing, MB', toMegabytes(done), toMegabytes(total)),
      })
      progress.clear()
      if (json) printJson(io, { preset, directory, ...written })
      else
        io.out(
          `${directory}: ${written.parameters.toLocaleString('en')} parameters, ${(written.bytes / 1e9).toFixed(2)} GB in ${written.files.length} file${written.files.length === 1 ? '' : 's'}\n`,
        )
    })
  addJsonOption(command)
}
