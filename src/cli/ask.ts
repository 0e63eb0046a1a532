import type { Command } from 'commander'
import { ConfigError } from '../errors.js'
import type { AskOptions } from '../tasks/answerer.js'
import type { Blip2 } from '../tasks/blip2.js'
import { textsOf } from './caption.js'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import { addJsonOption, type JsonOption } from './options.js'
import { pictureFiles } from './pictureFiles.js'
import { PictureReader } from './pictureReader.js'
import { addTextOptions, type PresetFlag, presetOf, presetOption, type TextFlags, textOptions } from './textOptions.js'

type Flags = ModelFlags & TextFlags & PresetFlag & JsonOption & { readonly template?: string; readonly stream?: true }

export function registerAsk(program: Command, io: Io): void {
  const command = program
    .command('ask')
    .description('answer questions about pictures')
    .argument('<image>', 'a file, an address, a folder or a pattern')
    .argument('<question...>', 'each is asked about every picture')
    .option('--template <text>', "prompt with {} where the question goes (default: the language model's)")
    .option('--stream', 'print the answer to one question as it is written')
    .addOption(presetOption())
    .action(async (image: string, questions: string[], flags: Flags) => {
      const files = await pictureFiles([image])
      const options = optionsOf(flags, io)
      const only = files.length * questions.length === 1
      if (flags.stream) {
        if (!only || flags.json)
          throw new ConfigError('--stream prints the answer to one question about one picture, and no JSON')
        return withModel(io, flags, (model) => streamAnswer(io, model, files[0]!, questions[0]!, options))
      }
      await withModel(io, flags, async (model) => {
        const reader = new PictureReader(model, io)
        const results: object[] = []
        for await (const pictures of reader.read(files)) {
          const pairs = pictures.flatMap((picture) => questions.map((question) => ({ ...picture, question })))
          const answers = await model.ask(
            pairs.map((pair) => pair.image),
            pairs.map((pair) => pair.question),
            options,
          )
          for (const [i, answer] of answers.entries()) {
            const { file, question } = pairs[i]!
            if (flags.json) results.push({ image: file, question, ...answer })
            else for (const text of textsOf(answer)) io.out(only ? `${text}\n` : `${file}\t${question}\t${text}\n`)
          }
        }
        if (flags.json) printJson(io, results)
        reader.finish()
      })
    })
  addJsonOption(addModelOptions(addTextOptions(command)))
}

function optionsOf(flags: Flags, io: Io): AskOptions {
  const { template } = flags
  return {
    ...textOptions(flags),
    ...presetOf(flags),
    ...(template === undefined ? {} : { template }),
    signal: io.signal,
  }
}

async function streamAnswer(io: Io, model: Blip2, file: string, question: string, options: AskOptions): Promise<void> {
  for await (const piece of model.ask.stream(file, question, options)) io.out(piece)
  io.out('\n')
}
