import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import type { Answer } from '../tasks/answerer.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { EncodedImage } from '../tasks/imageEncoder.js'
import type { ChatMessage } from '../tasks/promptTemplates.js'
import type { TextOptions } from '../tasks/textOptions.js'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import { addJsonOption, type JsonOption } from './options.js'
import { addTextOptions, type TextFlags, textOptions } from './textOptions.js'

type Flags = ModelFlags & TextFlags & JsonOption

/** @param input Where the user's lines come from when no messages are given. */
export function registerChat(program: Command, io: Io, input: NodeJS.ReadableStream = process.stdin): void {
  const command = program
    .command('chat')
    .description('talk about a picture: every line is a question, and the model sees the turns before')
    .argument('<image>', 'a file or an address')
    .argument('[message...]', 'turns in their order: question, answer, question; the last one is answered')
    .action(async (image: string, messages: string[], flags: Flags) => {
      const options = { ...textOptions(flags), signal: io.signal }
      await withModel(io, flags, async (model) => {
        const encoded = await model.encode(image, { signal: io.signal })
        if (messages.length === 0) return converse(io, input, model, encoded, options, flags)
        const answer = await model.chat(encoded, messages.map(turn), options)
        if (flags.json) printJson(io, answer)
        else io.out(`${answer.text}\n`)
      })
    })
  addJsonOption(addModelOptions(addTextOptions(command)))
}

const turn = (content: string, i: number): ChatMessage => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })

async function converse(
  io: Io,
  input: NodeJS.ReadableStream,
  model: Blip2,
  image: EncodedImage,
  options: TextOptions,
  { json }: Flags,
): Promise<void> {
  const lines = createInterface({ input, signal: io.signal })
  const prompt = () => {
    if (io.interactive) io.err('> ')
  }
  const messages: ChatMessage[] = []
  prompt()
  for await (const line of lines) {
    const question = line.trim()
    if (question !== '') {
      messages.push({ role: 'user', content: question })
      const answer = await answerLine(json ? undefined : io, model, image, messages, options)
      if (json) printJson(io, { question, ...answer })
      messages.push({ role: 'assistant', content: answer.text })
    }
    prompt()
  }
  io.signal.throwIfAborted()
}

/** The answer, printed to `io` as it is written unless beams are asked for, which are known at their end only. */
async function answerLine(
  io: Io | undefined,
  model: Blip2,
  image: EncodedImage,
  messages: readonly ChatMessage[],
  options: TextOptions,
): Promise<Answer> {
  if (!io || (options.numBeams ?? 1) > 1) {
    const answer = await model.chat(image, messages, options)
    io?.out(`${answer.text}\n`)
    return answer
  }
  const stream = model.chat.stream(image, messages, options)
  for (;;) {
    const step = await stream.next()
    io.out(step.done ? '\n' : step.value)
    if (step.done) return step.value
  }
}
