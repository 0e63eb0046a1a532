/** Pictures whose captions have at most `tokens` tokens. */
export interface LengthGroup {
  readonly tokens: number
  /** Indices of the pictures. */
  readonly pictures: readonly number[]
}

/** Texts are short up to this part of the longest length. */
const SHORT = 0.4
/** A group gives at least so many different batches; small data stays whole. */
const LEAST_BATCHES = 8

/**
 * Parts pictures with short captions from the others, so that a batch of short ones is not padded to the longest: most
 * of a step's time goes into text. One group where either would be too small.
 * @param lengths Tokens of each picture's longest caption.
 */
export function lengthGroups(
  lengths: readonly number[],
  { maxTokens, batch }: { readonly maxTokens: number; readonly batch: number },
): LengthGroup[] {
  const shortest = Math.ceil(SHORT * maxTokens)
  const pictures = lengths.map((_, index) => index)
  const short = { tokens: shortest, pictures: pictures.filter((index) => lengths[index]! <= shortest) }
  const long = { tokens: maxTokens, pictures: pictures.filter((index) => lengths[index]! > shortest) }
  const least = LEAST_BATCHES * batch
  if (short.pictures.length < least || long.pictures.length < least) return [{ tokens: maxTokens, pictures }]
  return [short, long]
}

/** Which group a step takes its batch from, and how many steps before it did. Groups come in proportion to their size. */
export function groupOfStep(groups: readonly LengthGroup[], step: number): { group: LengthGroup; turn: number } {
  const [first, second] = groups as [LengthGroup, LengthGroup?]
  if (!second) return { group: first, turn: step }
  const share = first.pictures.length / (first.pictures.length + second.pictures.length)
  const before = Math.floor(step * share)
  return Math.floor((step + 1) * share) > before
    ? { group: first, turn: before }
    : { group: second, turn: step - before }
}
