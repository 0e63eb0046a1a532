import { type Command, Option } from 'commander'
import { convertToFolder } from '../data/convert/convertToFolder.js'
import { convertToShards } from '../data/convert/convertToShards.js'
import { openDataInput } from './dataInput.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, finiteNumber, type JsonOption, positiveInteger } from './options.js'
import { progressLine } from './progress.js'

type Flags = JsonOption & {
  readonly to: 'shards' | 'folder'
  readonly shardSize: number
  readonly resume?: true
  readonly maxBroken: number
  readonly cache?: string
}

/** `blip2 data convert`: any data set as tar shards, or as a folder in COCO's format. */
export function registerDataConvert(data: Command, io: Io): void {
  const command = data
    .command('convert')
    .description('write a data set as tar shards, or as a COCO-captions folder; picture files stay as they are')
    .argument('<spec>', "'emoji', 'emoji:SPLIT', a folder with captions, tar shards, or a mixture (.json)")
    .argument('<out>', 'the new folder')
    .addOption(new Option('--to <form>', 'what is written').choices(['shards', 'folder']).default('shards'))
    .option('--shard-size <n>', 'pictures of a shard', positiveInteger, 10_000)
    .option('--resume', 'go on after the last finished shard in <out>, or begin where there is none')
    .option('--max-broken <x>', 'stop where a larger share of the samples cannot be read', finiteNumber, 0.1)
    .option('--cache <dir>', 'where renders of the drawings are kept')
    .action(async (spec: string, out: string, { to, shardSize, resume, maxBroken, cache, json }: Flags) => {
      if (to === 'folder' && resume) command.error('error: --resume goes with shards; a folder is written at once')
      const progress = progressLine(io)
      const limits = {
        maxBrokenShare: maxBroken,
        onLoss: (name: string, error: Error) => {
          progress.clear()
          io.err(`skipped ${name}: ${error.message}\n`)
        },
      }
      const input = await openDataInput(io, spec, { cache, ...limits })
      const options = {
        ...limits,
        signal: io.signal,
        onProgress: (pictures: number, fraction: number) =>
          progress.report(`${pictures} pictures, parts of 1000`, Math.round(fraction * 1000), 1000),
      }
      const result =
        to === 'folder'
          ? await convertToFolder(input.read(), out, options)
          : await convertToShards((place) => input.read(place), out, {
              ...options,
              input: input.hash,
              shardSize,
              resume: resume ?? false,
            })
      progress.clear()
      const { pictures, shards } = result
      const { samples, brokenSamples, brokenShards } = result.losses
      if (json) printJson(io, { out, pictures, shards, samples, brokenSamples, brokenShards })
      else
        io.out(
          `${out}: ${pictures} pictures${to === 'shards' ? ` in ${shards} shard${shards === 1 ? '' : 's'}` : ''}, ${brokenSamples} of ${samples} samples broken\n`,
        )
    })
  addJsonOption(command)
}
