export type ConceptHoldOut = 'val-concept' | 'test-concept'

/** 69 test and 23 validation concepts: about 400 and 135 pictures in six training vendors. */
const TEST_CONCEPTS = 69
const VALIDATION_CONCEPTS = 23

/** Concepts that a model can name from their parts: other hours, and other colours of the same shapes, are in training. */
const COMPOSABLE = new Set([
  "three o'clock",
  "ten o'clock",
  'one-thirty',
  'seven-thirty',
  'blue square',
  'green circle',
  'orange heart',
])

/**
 * Chooses the concepts no split of training shows: the composable ones and others in the order of a hash, so that the
 * choice is spread over all groups and does not move when concepts are added elsewhere in the list.
 *
 * @param candidates base emoji that have no skin-tone variants and are not people
 * @returns the held-out split by hexcode
 */
export function heldOutBaseHexcodes(
  candidates: readonly { hexcode: string; caption: string }[],
): Map<string, ConceptHoldOut> {
  const composable = candidates.filter(({ caption }) => COMPOSABLE.has(caption))
  const others = candidates
    .filter(({ caption }) => !COMPOSABLE.has(caption))
    .map(({ hexcode }) => ({ hexcode, rank: hash32(hexcode) }))
    .sort((a, b) => a.rank - b.rank || (a.hexcode < b.hexcode ? -1 : 1))
  const chosen = [...composable, ...others].map(({ hexcode }) => hexcode)
  const end = TEST_CONCEPTS + VALIDATION_CONCEPTS
  return new Map(
    chosen.slice(0, end).map((hexcode, i) => [hexcode, i < TEST_CONCEPTS ? 'test-concept' : 'val-concept']),
  )
}

/** FNV-1a with the finalizer of MurmurHash3: without it, neighbouring code points get neighbouring ranks. */
function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
