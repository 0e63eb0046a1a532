import { writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type AttentionDrawingOptions, drawAttention } from '../tasks/attentionDrawing.js'
import { queryMaps } from '../tasks/attentionMaps.js'
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

type Query = NonNullable<AttentionDrawingOptions['query']>
type Flags = ModelFlags &
  RetrievalModelFlag &
  JsonOption & {
    readonly output?: string
    readonly query: Query
    readonly layer?: number
    readonly gradients?: true
  }

export function registerAttention(program: Command, io: Io): void {
  const command = program
    .command('attention')
    .description('draw where the queries look in a picture, alone or while they read a text')
    .argument('<image>', 'a file or an address')
    .argument('[text]', 'what the queries read with it')
    .option('-o, --output <file>', 'the drawing, PNG')
    .addOption(
      new Option('--query <n>', "one query by its number from 0, their 'mean', or 'all' on a sheet")
        .argParser(queryOf)
        .default('mean' as const),
    )
    .option('--layer <n>', 'layer of the Q-Former (default: the last one with cross-attention)', index)
    .option('--gradients', 'only what speaks for a match with the text: attention times its gradient (Grad-CAM)')
    .action(async (image: string, text: string | undefined, flags: Flags) => {
      if (flags.output === undefined && !flags.json)
        command.error('error: give a file for the drawing with --output, or --json for the numbers')
      if (flags.gradients && text === undefined) command.error('error: --gradients needs a text to match with')
      const { signal } = io
      const options = { gradients: flags.gradients ?? false, signal }
      const attention = await withModel(io, forRetrieval(flags), (model) => model.attention(image, text, options))
      const layer = flags.layer === undefined ? {} : { layer: flags.layer }
      if (flags.output !== undefined)
        await writeFile(flags.output, await drawAttention(image, attention, { query: flags.query, ...layer, signal }))
      if (!flags.json) return
      const { rows, columns } = attention
      const maps = queryMaps(attention, flags.layer).map((map) => Array.from(map))
      printJson(io, { image, ...(text === undefined ? {} : { text }), rows, columns, queries: maps })
    })
  addJsonOption(addRetrievalModelOption(addModelOptions(command)))
}

const queryOf = (text: string): Query => (text === 'mean' || text === 'all' ? text : index(text))

function index(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('expected a number from 0')
  return value
}
