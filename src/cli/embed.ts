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

type Flags = ModelFlags & RetrievalModelFlag & JsonOption & { readonly text?: string[]; readonly multimodal?: string }

interface Embedded {
  readonly image?: string
  readonly text?: string
  readonly vectors: readonly number[][]
}

export function registerEmbed(program: Command, io: Io): void {
  const command = program
    .command('embed')
    .description('print the vectors of pictures (one per query) and of texts, one vector a line')
    .argument('[image...]', 'files, addresses, folders or patterns')
    .option('--text <text...>', 'texts')
    .option('--multimodal <text>', 'the queries after reading each picture together with this text')
    .action(async (args: string[], flags: Flags) => {
      const texts = flags.text ?? []
      if (args.length + texts.length === 0) command.error('error: give pictures, or texts with --text')
      const files = await pictureFiles(args)
      await withModel(io, forRetrieval(flags), async (model) => {
        const reader = new PictureReader(model, io)
        const all: Embedded[] = []
        const take = (embedded: Embedded) => {
          if (flags.json) all.push(embedded)
          else for (const vector of embedded.vectors) io.out(`${vector.join(' ')}\n`)
        }
        const { signal } = io
        const { embeddingWidth, qformer } = model.config
        const { multimodal } = flags
        for await (const pictures of reader.read(files)) {
          const images = pictures.map(({ image }) => image)
          const [vectors, width] =
            multimodal === undefined
              ? [await model.embedImage(images, { signal }), embeddingWidth]
              : [await model.embedMultimodal(images, multimodal, { signal }), qformer.width]
          pictures.forEach(({ file }, i) => {
            take({ image: file, vectors: rows(vectors[i]!, width) })
          })
        }
        const textVectors = await model.embedText(texts, { signal })
        texts.forEach((text, i) => {
          take({ text, vectors: rows(textVectors[i]!, embeddingWidth) })
        })
        if (flags.json) printJson(io, all)
        reader.finish()
      })
    })
  addJsonOption(addRetrievalModelOption(addModelOptions(command)))
}

function rows(vectors: Float32Array, width: number): number[][] {
  return Array.from({ length: vectors.length / width }, (_, i) =>
    Array.from(vectors.subarray(i * width, (i + 1) * width)),
  )
}
