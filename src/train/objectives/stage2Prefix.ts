export interface PrefixSplit {
  /** For the encoder. */
  readonly prefix: readonly number[]
  /** For the decoder to write. */
  readonly suffix: readonly number[]
}

/**
 * Splits a caption in two at a random place, for prefix language modelling (paper 3.3). Each part has a token at least;
 * a caption of one token has an empty prefix. The end token ends both, as in the authors' code.
 *
 * @param tokens of the caption, without an end token
 * @param uniform draws from [0, 1)
 */
export function splitPrefix(tokens: readonly number[], endToken: number, uniform: () => number): PrefixSplit {
  const place = tokens.length < 2 ? 0 : 1 + Math.floor(uniform() * (tokens.length - 1))
  return { prefix: [...tokens.slice(0, place), endToken], suffix: [...tokens.slice(place), endToken] }
}
