import type { Command } from 'commander'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import { addJsonOption, type JsonOption } from './options.js'

export function registerMatch(program: Command, io: Io): void {
  const command = program
    .command('match')
    .description('say how well texts fit a picture')
    .argument('<image>', 'a file or an address')
    .argument('<text...>', 'texts to compare it with')
    .action(async (image: string, texts: string[], flags: ModelFlags & JsonOption) => {
      const matches = await withModel(io, flags, (model) => model.match(image, texts, { signal: io.signal }))
      if (flags.json) {
        printJson(
          io,
          matches.map((match, i) => ({ text: texts[i], ...match })),
        )
        return
      }
      io.out('itm\titc\ttext\n')
      for (const [i, { itm, itc }] of matches.entries()) io.out(`${itm.toFixed(4)}\t${itc.toFixed(4)}\t${texts[i]}\n`)
    })
  addJsonOption(addModelOptions(command))
}
