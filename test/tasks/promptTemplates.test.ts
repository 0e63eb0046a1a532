import { expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { type ChatMessage, chatPrompt, questionPrompt } from '../../src/tasks/promptTemplates.js'

const user = (content: string): ChatMessage => ({ role: 'user', content })
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content })

it('asks in the template of the language model', () => {
  expect(questionPrompt('opt', 'what is $& it?')).toBe('Question: what is $& it? Answer:')
  expect(questionPrompt('t5', 'what is it?')).toBe('Question: what is it? Short answer:')
  expect(questionPrompt('opt', 'what?', 'Q: {}\nA:')).toBe('Q: what?\nA:')
  expect(() => questionPrompt('opt', 'what?', 'Q:')).toThrow(ConfigError)
})

it('puts a conversation as the authors do', () => {
  expect(chatPrompt('opt', [user('which city is this?')])).toBe('Question: which city is this? Answer:')
  const turns = [
    user('which city is this?'),
    assistant('singapore'),
    user('why?'),
    assistant('A merlion.'),
    user('So?'),
  ]
  expect(chatPrompt('opt', turns)).toBe(
    'Question: which city is this? Answer: singapore. Question: why? Answer: A merlion. Question: So? Answer:',
  )
  expect(chatPrompt('t5', turns.slice(0, 3))).toBe(
    'Question: which city is this? Short answer: singapore. Question: why? Short answer:',
  )
})

it('refuses a conversation whose turns are not in order', () => {
  expect(() => chatPrompt('opt', [])).toThrow(/ends with a message of the user/)
  expect(() => chatPrompt('opt', [user('a'), assistant('b')])).toThrow(/ends with a message of the user/)
  expect(() => chatPrompt('opt', [user('a'), user('b'), user('c')])).toThrow(/message 1 .* must be the assistant's/)
})
