import { int64, type Value } from '../../runtime/index.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import { IGNORED } from '../objectives/itg.js'

/** A text that the language model learns to write after a prompt. */
export interface PromptedText {
  readonly prompt: string
  /** Without the line break that ends it. */
  readonly text: string
  /** What the Q-Former reads beside the picture. */
  readonly question?: string
}

export interface PromptedInputs {
  readonly language: Tokenizer
  /** Tokens of prompt and text together. A longer row loses the beginning of its prompt. */
  readonly tokens: number
  /** How questions are read by the Q-Former, where it reads them. */
  readonly questions?: { readonly tokenizer: Tokenizer; readonly tokens: number }
}

/** What `promptedText` is fed besides the pictures. Labels are the text and the line break that ends it. */
export function promptedInputs(
  texts: readonly PromptedText[],
  { language, tokens, questions }: PromptedInputs,
): Readonly<Record<string, Value>> {
  const shape = [texts.length, tokens] as const
  const ids = new BigInt64Array(texts.length * tokens).fill(BigInt(language.paddingId))
  const mask = new BigInt64Array(ids.length)
  const labels = new BigInt64Array(ids.length).fill(BigInt(IGNORED))
  texts.forEach(({ prompt, text }, row) => {
    const before = language.encode(prompt)
    const written = language.encode(`${prompt === '' ? '' : ' '}${text}\n`, { addSpecialTokens: false })
    const all = [...before, ...written].slice(-tokens)
    const firstLabel = Math.max(0, all.length - written.length)
    all.forEach((id, i) => {
      const at = row * tokens + i
      ids[at] = BigInt(id)
      mask[at] = 1n
      if (i >= firstLabel) labels[at] = BigInt(id)
    })
  })
  return {
    ids: int64(shape, ids),
    mask: int64(shape, mask),
    labels: int64(shape, labels),
    ...(questions ? questionInputs(texts, questions) : {}),
  }
}

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
