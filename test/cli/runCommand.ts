import { runCli } from '../../src/cli/run.js'

export interface CommandResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process. */
export async function runCommand(
  args: readonly string[],
  { interactive = false, signal = new AbortController().signal } = {},
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
    signal,
  })
  return { code, out, err }
}
