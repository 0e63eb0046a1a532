import { ConfigError } from '../errors.js'

/** The families of language models that BLIP-2 was published with. */
export type LanguageModelFamily = 'opt' | 't5'

/** A turn of a conversation about a picture. */
export interface ChatMessage {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** Where the question goes. */
const BLANK = '{}'
/** What asks for the answer to a zero-shot question (paper 4.1). */
const ANSWER: Readonly<Record<LanguageModelFamily, string>> = { opt: 'Answer:', t5: 'Short answer:' }
const questionTemplate = (family: LanguageModelFamily): string => `Question: ${BLANK} ${ANSWER[family]}`

/** A question as the language model was evaluated with it, or in the caller's own template. */
export function questionPrompt(
  family: LanguageModelFamily,
  question: string,
  template = questionTemplate(family),
): string {
  if (!template.includes(BLANK))
    throw new ConfigError(
      `a template has ${BLANK} where the question goes, as in '${questionTemplate(family)}'; got '${template}'`,
    )
  return template.replace(BLANK, () => question)
}

/**
 * A conversation as the authors' demonstration puts it, in the words of the language model's own template: every
 * question with its answer, then the last question. Of OPT:
 * 'Question: Which city is this? Answer: Singapore. Question: Why? Answer:'
 *
 * @throws ConfigError unless the turns alternate and the user has the first and the last.
 */
export function chatPrompt(family: LanguageModelFamily, messages: readonly ChatMessage[]): string {
  const answer = ANSWER[family]
  messages.forEach(({ role }, i) => {
    const expected = i % 2 === 0 ? 'user' : 'assistant'
    if (role !== expected)
      throw new ConfigError(`message ${i} of the conversation must be the ${expected}'s, it is the ${role}'s`)
  })
  if (messages.length % 2 === 0)
    throw new ConfigError('a conversation ends with a message of the user, which is to be answered')
  return messages
    .map(({ role, content }, i) => {
      if (role === 'assistant') return ` ${answer} ${content.replace(/\.$/, '')}.`
      return `${i === 0 ? '' : ' '}Question: ${content}`
    })
    .join('')
    .concat(` ${answer}`)
}
