import type { Command } from 'commander'
import { type Io, printJson } from './io.js'
import {
  addModelOptions,
  addRetrievalModelOption,
  forRetrieval,
  type ModelFlags,
  type RetrievalModelFlag,
  withModel,
} from './model.js'
import { addJsonOption, type JsonOption } from './options.js'
import { pictureFiles } from './pictureFiles.js'
import { PictureReader } from './pictureReader.js'

export function registerMatch(program: Command, io: Io): void {
  const command = program
    .command('match')
    .description('say how well texts fit pictures: ITM probability and ITC cosine')
    .argument('<image>', 'a file, an address, a folder or a pattern')
    .argument('<text...>', 'texts to compare each picture with')
    .action(async (image: string, texts: string[], flags: ModelFlags & RetrievalModelFlag & JsonOption) => {
      const files = await pictureFiles([image])
      const alone = files.length === 1
      await withModel(io, forRetrieval(flags), async (model) => {
        const reader = new PictureReader(model, io)
        const results: object[] = []
        let heading = alone ? 'itm\titc\ttext\n' : 'itm\titc\ttext\timage\n'
        for await (const pictures of reader.read(files)) {
          const images = pictures.map((picture) => picture.image)
          const matches = await model.match(images, texts, { signal: io.signal })
          // With the first rows: nothing is printed where no picture can be read.
          if (!flags.json) io.out(heading)
          heading = ''
          matches.forEach((row, p) => {
            row.forEach(({ itm, itc }, t) => {
              const [file, text] = [pictures[p]!.file, texts[t]!]
              if (flags.json) results.push({ ...(alone ? {} : { image: file }), text, itm, itc })
              else io.out(`${[itm.toFixed(4), itc.toFixed(4), text, ...(alone ? [] : [file])].join('\t')}\n`)
            })
          })
        }
        if (flags.json) printJson(io, results)
        reader.finish()
      })
    })
  addJsonOption(addRetrievalModelOption(addModelOptions(command)))
}
