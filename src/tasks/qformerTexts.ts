import { cleanCaption } from '../text/captionCleaning.js'
import type { EncodedBatch, Tokenizer } from '../text/tokenizer.js'

/** Texts are padded to a multiple of this many tokens: each length is compiled once. */
const TOKEN_STEP = 4

/** Texts as the Q-Former reads them: cleaned, cut to `maxTokens`, padded on the right; padding is masked. */
export type QFormerTexts = (texts: readonly string[]) => EncodedBatch

export const qformerTexts =
  (tokenizer: Tokenizer, maxTokens: number): QFormerTexts =>
  (texts) => {
    const rows = texts.map((text) => cleanCaption(text))
    const longest = Math.max(...rows.map((row) => tokenizer.encode(row, { maxLength: maxTokens }).length))
    const padTo = Math.min(Math.ceil(longest / TOKEN_STEP) * TOKEN_STEP, maxTokens)
    return tokenizer.encodeBatch(rows, { padTo })
  }
