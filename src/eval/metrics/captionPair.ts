/** A caption and what people said of the same picture, tokenised: words with single spaces between them. */
export interface CaptionPair {
  readonly hypothesis: string
  readonly references: readonly string[]
}
