import { ConfigError } from '../../errors.js'
import type { ChatMessage } from '../../tasks/promptTemplates.js'
import type { ChatRequest } from './chatRequest.js'

/** What a chat request says to a model that sees one picture and has no system prompt. */
export interface Conversation {
  /** Data URL or address. */
  readonly image: string
  /** Alternating turns, the user's first and last; none asks for a caption. */
  readonly messages: readonly ChatMessage[]
}

/**
 * The last picture, and what was said from its message on. Messages of one side that follow each other are joined;
 * system and developer messages are left out. A picture without words is a request to describe it, and its description
 * is no turn of the questions that follow.
 *
 * @throws ConfigError where no message of the user has a picture, or the last message is not the user's.
 */
export function conversationOf(messages: ChatRequest['messages']): Conversation {
  const start = messages.findLastIndex((message) => message.role === 'user' && picturesOf(message).length > 0)
  if (start < 0)
    throw new ConfigError('expected a picture in a message of the user: { type: "image_url", image_url: { url } }')
  const image = picturesOf(messages[start]!).at(-1)!
  const turns: { role: ChatMessage['role']; content: string }[] = []
  for (const message of messages.slice(start)) {
    if (message.role === 'system' || message.role === 'developer') continue
    const content = textOf(message)
    const last = turns.at(-1)
    if (last?.role === message.role) last.content = [last.content, content].filter((text) => text !== '').join(' ')
    else turns.push({ role: message.role, content })
  }
  if (turns.at(-1)!.role !== 'user') throw new ConfigError('the last message must be the user’s')
  // Describing the picture was asked without words.
  const asked = turns[0]!.content === '' ? turns.slice(2) : turns
  const empty = asked.find(({ role, content }) => role === 'user' && content === '')
  if (empty) throw new ConfigError('a message of the user has no text')
  return { image, messages: asked }
}

type Message = ChatRequest['messages'][number]

const picturesOf = ({ content }: Message): string[] =>
  typeof content === 'string' ? [] : content.flatMap((part) => (part.type === 'image_url' ? [part.image_url.url] : []))

const textOf = ({ content }: Message): string =>
  typeof content === 'string'
    ? content.trim()
    : content
        .flatMap((part) => (part.type === 'text' ? [part.text.trim()] : []))
        .filter((text) => text !== '')
        .join(' ')
