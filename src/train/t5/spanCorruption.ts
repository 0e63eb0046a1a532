import type { Random } from '../random/random.js'

/** A text for the encoder, and what the decoder writes of it. */
export interface TextPair {
  readonly input: readonly number[]
  readonly target: readonly number[]
}

/** Part of the tokens that is taken out, and the mean length of a span (Raffel et al. 2020, section 3.3). */
const NOISE = 0.15
const MEAN_SPAN = 3

/**
 * Span corruption: some spans of the text are taken out, each with a sentinel in its place; the target has the spans,
 * each after its sentinel. Both end in the end token. Spans and what is between them have at least a token each.
 *
 * @param tokens two at least, without an end token
 * @param sentinels ids in the order of their use; as many spans at most
 */
export function corruptSpans(
  tokens: readonly number[],
  { sentinels, endToken }: { readonly sentinels: readonly number[]; readonly endToken: number },
  random: Random,
): TextPair {
  const noise = Math.min(Math.max(1, Math.round(tokens.length * NOISE)), tokens.length - 1)
  const kept = tokens.length - noise
  const spans = Math.min(Math.max(1, Math.round(noise / MEAN_SPAN)), noise, kept, sentinels.length)
  const [noiseLengths, keptLengths] = [randomLengths(noise, spans, random), randomLengths(kept, spans, random)]
  const input: number[] = []
  const target: number[] = []
  let at = 0
  for (let span = 0; span < spans; span++) {
    const start = at + keptLengths[span]!
    const end = start + noiseLengths[span]!
    const sentinel = sentinels[span]!
    input.push(...tokens.slice(at, start), sentinel)
    target.push(sentinel, ...tokens.slice(start, end))
    at = end
  }
  return { input: [...input, endToken], target: [...target, endToken] }
}

/** Parts `total` into `parts` numbers of at least 1, every way as likely. */
function randomLengths(total: number, parts: number, random: Random): number[] {
  const places = random.shuffle(Array.from({ length: total - 1 }, (_, i) => i + 1)).slice(0, parts - 1)
  const cuts = [0, ...places.sort((a, b) => a - b), total]
  return cuts.slice(1).map((cut, i) => cut - cuts[i]!)
}
