import type { Command } from 'commander'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import { addJsonOption, type JsonOption } from './options.js'

type Flags = ModelFlags & JsonOption & { readonly text?: string[] }

export function registerEmbed(program: Command, io: Io): void {
  const command = program
    .command('embed')
    .description('print the vectors of pictures (one per query) and of texts, one vector a line')
    .argument('[image...]', 'files or addresses')
    .option('--text <text...>', 'texts')
    .action(async (images: string[], flags: Flags) => {
      const texts = flags.text ?? []
      if (images.length + texts.length === 0) command.error('error: give pictures, or texts with --text')
      const options = { signal: io.signal }
      const embedded = await withModel(io, flags, async (model) => {
        const width = model.config.embeddingWidth
        const imageVectors = await model.embedImage(images, options)
        const textVectors = await model.embedText(texts, options)
        return [
          ...images.map((image, i) => ({ image, vectors: rows(imageVectors[i]!, width) })),
          ...texts.map((text, i) => ({ text, vectors: rows(textVectors[i]!, width) })),
        ]
      })
      if (flags.json) printJson(io, embedded)
      else for (const { vectors } of embedded) for (const vector of vectors) io.out(`${vector.join(' ')}\n`)
    })
  addJsonOption(addModelOptions(command))
}

function rows(vectors: Float32Array, width: number): number[][] {
  return Array.from({ length: vectors.length / width }, (_, i) =>
    Array.from(vectors.subarray(i * width, (i + 1) * width)),
  )
}
