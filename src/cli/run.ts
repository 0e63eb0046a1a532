import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { Blip2Error, ConfigError } from '../errors.js'
import { registerAsk } from './ask.js'
import { registerAttention } from './attention.js'
import { registerCapfilt } from './capfilt.js'
import { registerCaption } from './caption.js'
import { registerChat } from './chat.js'
import { registerData } from './dataEmoji.js'
import { registerDemo } from './demo/command.js'
import { registerEmbed } from './embed.js'
import { registerEstimate } from './estimate.js'
import { registerEvaluate } from './evaluate.js'
import { registerExport } from './exportModel.js'
import { registerIndex } from './indexPictures.js'
import { registerFinetune } from './finetune.js'
import type { Io } from './io.js'
import { registerMatch } from './match.js'
import { registerPull } from './pull.js'
import { registerQuantize } from './quantize.js'
import { registerReproduce } from './reproduce.js'
import { registerSearch } from './search.js'
import { registerServe } from './serve.js'
import { registerSynth } from './synth.js'
import { registerPretrain, registerTrain } from './train.js'
import { registerWatch } from './watch.js'

/** Every command, in the order of the help. */
const COMMANDS: readonly ((program: Command, io: Io) => void)[] = [
  registerDemo,
  registerCaption,
  registerAsk,
  registerChat,
  registerMatch,
  registerEmbed,
  registerIndex,
  registerSearch,
  registerServe,
  registerAttention,
  registerEvaluate,
  registerData,
  registerTrain,
  registerPretrain,
  registerFinetune,
  registerReproduce,
  registerWatch,
  registerCapfilt,
  registerSynth,
  registerQuantize,
  registerPull,
  registerEstimate,
  registerExport,
]

export const EXIT = { done: 0, failed: 1, wrongUse: 2, interrupted: 130 } as const

/** Runs one command line, without the program's own name. -> the exit code; nothing is thrown but bugs. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const program = new Command('blip2')
    .description('BLIP-2 in TypeScript: describe, match and search pictures')
    .version(packageVersion())
    .exitOverride()
    // Errors are printed here, each in one line.
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
  for (const register of COMMANDS) register(program, io)
  try {
    await program.parseAsync(args, { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, io)
    if (io.signal.aborted) return EXIT.interrupted
    if (!(error instanceof Blip2Error) && !isSystemError(error)) throw error
    io.err(`blip2: ${error.message}\n`)
    return error instanceof ConfigError ? EXIT.wrongUse : EXIT.failed
  }
}

/** Help and version end with 0; everything else that the parser throws is wrong use. */
function endOfParsing({ exitCode, code, message }: CommanderError, io: Io): number {
  if (exitCode === 0) return EXIT.done
  if (code !== 'commander.help') io.err(`blip2: ${message.replace(/^error: /, '').replace(/\n/g, ' ')}\n`)
  return EXIT.wrongUse
}

/** A file that cannot be written, a full disk: what is wrong is in the message, a stack says no more. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error

function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
