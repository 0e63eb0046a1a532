import type { LanguageConfig } from '../../models/blip2.js'
import { int64, type Value } from '../../runtime/index.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import { IGNORED } from '../objectives/itg.js'
import { pairInputs } from '../t5/pairInputs.js'

/** A text that the language model learns to write after a prompt. */
export interface PromptedText {
  readonly prompt: string
  /** Without what ends it: a line break for OPT, T5's end token. */
  readonly text: string
  /** What the Q-Former reads beside the picture. */
  readonly question?: string
}

/** Lengths that texts are padded to, by the kind of language model. */
export interface PromptedTokens {
  /** Of OPT: prompt and text together. A longer row loses the beginning of its prompt. */
  readonly tokens: number
  /** Of T5: the prompt, which its encoder reads. A longer one is cut before its end token. */
  readonly promptTokens: number
  /** The text and what ends it, which T5's decoder writes. Of a longer one the first tokens are learned. */
  readonly textTokens: number
}

export interface PromptedInputs extends PromptedTokens {
  readonly kind: LanguageConfig['kind']
  readonly language: Tokenizer
  /** How questions are read by the Q-Former, where it reads them. */
  readonly questions?: { readonly tokenizer: Tokenizer; readonly tokens: number }
}

export interface PromptedFeeds {
  /** What `promptedText` or `promptedTextT5` is fed besides the pictures. */
  readonly feeds: Readonly<Record<string, Value>>
  /** 1 where a token is a label: the text and what ends it. [texts, textTokens] */
  readonly labels: Uint8Array
}

/** Texts with their prompts as the language model is fed them. */
export function promptedInputs(texts: readonly PromptedText[], inputs: PromptedInputs): PromptedFeeds {
  const { kind, questions } = inputs
  const { labels, ...feeds } = kind === 'opt' ? rowInputs(texts, inputs) : encoderInputs(texts, inputs)
  return {
    feeds: { ...feeds, ...(questions ? questionInputs(texts, questions) : {}) },
    labels,
  }
}

/** Prompt and text in a row, for a decoder, and where the tokens of the text are in it. */
function rowInputs(texts: readonly PromptedText[], { language, tokens, textTokens }: PromptedInputs) {
  const filled = (length: number, value: number) => new BigInt64Array(texts.length * length).fill(BigInt(value))
  const [ids, mask] = [filled(tokens, language.paddingId), filled(tokens, 0)]
  const [targets, places] = [filled(textTokens, IGNORED), filled(textTokens, 0)]
  texts.forEach(({ prompt, text }, row) => {
    const before = language.encode(prompt)
    const written = language.encode(`${prompt === '' ? '' : ' '}${text}\n`, { addSpecialTokens: false })
    const all = [...before, ...written].slice(-tokens)
    all.forEach((id, i) => {
      ids[row * tokens + i] = BigInt(id)
      mask[row * tokens + i] = 1n
    })
    const first = Math.max(0, all.length - written.length)
    all.slice(first, first + textTokens).forEach((id, i) => {
      targets[row * textTokens + i] = BigInt(id)
      places[row * textTokens + i] = BigInt(first + i)
    })
  })
  const [row, written] = [
    [texts.length, tokens],
    [texts.length, textTokens],
  ] as const
  return {
    ids: int64(row, ids),
    mask: int64(row, mask),
    targets: int64(written, targets),
    places: int64(written, places),
    labels: counted(targets),
  }
}

/** The prompt for an encoder, the text for its decoder. */
function encoderInputs(
  texts: readonly PromptedText[],
  { language, promptTokens: inputTokens, textTokens: outputTokens }: PromptedInputs,
) {
  const pairs = texts.map(({ prompt, text }) => ({ input: language.encode(prompt), target: language.encode(text) }))
  const feeds = pairInputs(pairs, { inputTokens, outputTokens }, language.paddingId)
  return { ...feeds, labels: counted(feeds.targets.data as BigInt64Array) }
}

const counted = (targets: BigInt64Array): Uint8Array =>
  Uint8Array.from(targets, (id) => (id === BigInt(IGNORED) ? 0 : 1))

function questionInputs(
  texts: readonly PromptedText[],
  { tokenizer, tokens }: NonNullable<PromptedInputs['questions']>,
): Readonly<Record<string, Value>> {
  const encoded = tokenizer.encodeBatch(
    texts.map(({ question = '' }) => question),
    { padTo: tokens },
  )
  return { question_ids: int64(encoded.shape, encoded.ids), question_mask: int64(encoded.shape, encoded.mask) }
}
