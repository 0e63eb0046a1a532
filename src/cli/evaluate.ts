import type { Command } from 'commander'
import { registerEvalCaption } from './evalCaption.js'
import { registerEvalRetrieval } from './evalRetrieval.js'
import { registerEvalVqa } from './evalVqa.js'
import type { Io } from './io.js'

export function registerEvaluate(program: Command, io: Io): void {
  const evaluate = program.command('eval').description('score a model, or a file of its results, on pictures')
  registerEvalRetrieval(evaluate, io)
  registerEvalCaption(evaluate, io)
  registerEvalVqa(evaluate, io)
}
