import type { Command } from 'commander'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption } from './options.js'
import { progressLine } from './progress.js'

type Flags = JsonOption & { readonly revision?: string; readonly cache?: string }

export function registerPull(program: Command, io: Io): void {
  const command = program
    .command('pull')
    .description('fetch a model from the Hugging Face hub into its cache')
    .argument('<id>', 'OWNER/NAME, such as Salesforce/blip2-opt-2.7b')
    .option('--revision <name>', 'branch, tag or commit (default: main)')
    .option('--cache <dir>', "the cache (default: that of Hugging Face's tools)")
    .action(async (id: string, { revision, cache, json }: Flags) => {
      const { pullModel } = await import('../weights/hub/pullModel.js')
      const progress = progressLine(io)
      const toMegabytes = (bytes: number) => Math.round(bytes / 1e6)
      const pulled = await pullModel(id, {
        signal: io.signal,
        onProgress: ({ file, done, total }) => progress.report(`${file}, MB`, toMegabytes(done), toMegabytes(total)),
        ...(revision ? { revision } : {}),
        ...(cache ? { settings: { cacheDirectory: cache } } : {}),
      })
      progress.clear()
      if (json) printJson(io, pulled)
      else io.out(`${pulled.directory}\n`)
    })
  addJsonOption(command)
}
