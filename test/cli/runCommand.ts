import { runCli } from '../../src/cli/run.js'

export interface CommandResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface RunOptions {
  readonly interactive?: boolean
  /** Default: as `interactive`. */
  readonly outIsTerminal?: boolean
  readonly signal?: AbortSignal
}

/** Runs a command line in this process. */
export async function runCommand(
  args: readonly string[],
  { interactive = false, outIsTerminal = interactive, signal = new AbortController().signal }: RunOptions = {},
): Promise<CommandResult> {
  let out = ''
  let err = ''
  const code = await runCli(args, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    interactive,
    outIsTerminal,
    signal,
  })
  return { code, out, err }
}
