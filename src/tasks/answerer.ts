import { CHAT_DECODING, type DecodingPreset } from '../generate/presets.js'
import type { ImageInput } from './imageEncoder.js'
import { forEach, type OneOrMany, pair } from './oneOrMany.js'
import type { PictureText, Prompt } from './pictureText.js'
import { type ChatMessage, chatPrompt, type LanguageModelFamily, questionPrompt } from './promptTemplates.js'
import { decodingPreset, type GeneratedText, type TextOptions, textSettings } from './textOptions.js'

export interface AskOptions extends TextOptions {
  /** Settings of the paper (default) or of the authors' code; options beside it win. */
  readonly preset?: DecodingPreset
  /** A prompt of your own, with {} where the question goes. Default: the language model's, 'Question: {} Answer:'. */
  readonly template?: string
}

export type ChatOptions = TextOptions

export type Answer = GeneratedText

/** Answers questions about pictures in the language model's own template. Needs stage 2. */
export interface AskTask {
  (image: ImageInput, question: string, options?: AskOptions): Promise<Answer>
  /** Several questions about one picture. */
  (image: ImageInput, questions: readonly string[], options?: AskOptions): Promise<Answer[]>
  /** One question about every picture, or a question for each. */
  (images: readonly ImageInput[], questions: OneOrMany<string>, options?: AskOptions): Promise<Answer[]>
  /** The answer in pieces of whole characters, as `caption.stream` gives captions. */
  stream(image: ImageInput, question: string, options?: AskOptions): AsyncGenerator<string, Answer>
}

/** Answers the last message of a conversation about a picture. Needs stage 2. */
export interface ChatTask {
  (image: ImageInput, messages: readonly ChatMessage[], options?: ChatOptions): Promise<Answer>
  /** A conversation about each picture. */
  (
    images: readonly ImageInput[],
    conversations: readonly (readonly ChatMessage[])[],
    options?: ChatOptions,
  ): Promise<Answer[]>
  /** The answer in pieces of whole characters, as `caption.stream` gives captions. */
  stream(image: ImageInput, messages: readonly ChatMessage[], options?: ChatOptions): AsyncGenerator<string, Answer>
}

export function askTask(text: PictureText, family: LanguageModelFamily): AskTask {
  const settingsOf = ({ preset = 'paper', template: _, ...own }: AskOptions) =>
    textSettings(decodingPreset(preset).question, own)
  const promptOf = (question: string, { template }: AskOptions): Prompt => ({
    text: questionPrompt(family, question, template),
    question,
  })
  function ask(image: ImageInput, question: string, options?: AskOptions): Promise<Answer>
  function ask(image: ImageInput, questions: readonly string[], options?: AskOptions): Promise<Answer[]>
  function ask(images: readonly ImageInput[], questions: OneOrMany<string>, options?: AskOptions): Promise<Answer[]>
  async function ask(images: OneOrMany<ImageInput>, questions: OneOrMany<string>, options: AskOptions = {}) {
    const pairs = pair(images, questions, 'question')
    const prompts = pairs.map(([, question]) => promptOf(question, options))
    const answers = await text.write(
      'answers',
      pairs.map(([image]) => image),
      prompts,
      settingsOf(options),
    )
    return Array.isArray(images) || Array.isArray(questions) ? answers : answers[0]!
  }
  async function* stream(image: ImageInput, question: string, options: AskOptions = {}) {
    const prompt = promptOf(question, options)
    return yield* text.stream('answers', image, prompt, settingsOf({ numBeams: 1, ...options }))
  }
  return Object.assign(ask, { stream })
}

export function chatTask(text: PictureText, family: LanguageModelFamily): ChatTask {
  type Conversations = readonly ChatMessage[] | readonly (readonly ChatMessage[])[]
  function chat(image: ImageInput, messages: readonly ChatMessage[], options?: ChatOptions): Promise<Answer>
  function chat(
    images: readonly ImageInput[],
    conversations: readonly (readonly ChatMessage[])[],
    options?: ChatOptions,
  ): Promise<Answer[]>
  async function chat(images: OneOrMany<ImageInput>, messages: Conversations, options: ChatOptions = {}) {
    const conversations = (Array.isArray(images) ? messages : [messages]) as readonly (readonly ChatMessage[])[]
    return forEach(images, (all) =>
      text.write(
        'conversations',
        all,
        pair(all, conversations, 'conversation').map(([, conversation]) => ({
          text: chatPrompt(family, conversation),
        })),
        textSettings(CHAT_DECODING, options),
      ),
    )
  }
  async function* stream(image: ImageInput, messages: readonly ChatMessage[], options: ChatOptions = {}) {
    const settings = textSettings({ ...CHAT_DECODING, numBeams: 1 }, options)
    return yield* text.stream('conversations', image, { text: chatPrompt(family, messages) }, settings)
  }
  return Object.assign(chat, { stream })
}
