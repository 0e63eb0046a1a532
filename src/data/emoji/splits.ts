import type { EmojiConcept } from './concepts.js'
import type { VendorRole } from './vendors.js'

/**
 * The splits, each asking another question of a model trained on `train`:
 * - `val-style`, `test-style`: concepts of training drawn by a vendor never seen;
 * - `val-composition`, `test-composition`: seen vendors, an unseen combination of role, gender and skin tone;
 * - `val-concept`, `test-concept`: seen vendors, a concept never seen;
 * - `test-style+held-out`: an unseen vendor and an unseen combination or concept;
 * - `extra`: concepts of training in the black and white styles, without those whose name says a colour; for whoever
 *   wants more styles to train on.
 *
 * Choose on the validation splits; run the test splits once.
 */
export const EMOJI_SPLITS = [
  'train',
  'val-style',
  'val-composition',
  'val-concept',
  'test-style',
  'test-composition',
  'test-concept',
  'test-style+held-out',
  'extra',
] as const
export type EmojiSplit = (typeof EMOJI_SPLITS)[number]

/**
 * The split of a picture that depicts `concepts` (several when a vendor draws them with the same pixels), and which of
 * the concepts it is labelled with. Null when it belongs nowhere.
 *
 * A picture for training is labelled with its training concepts only: the text of a held-out concept is never shown. A
 * picture for evaluation keeps every label, since each is a right answer.
 */
export function assignSplit(
  role: VendorRole,
  concepts: readonly EmojiConcept[],
): { split: EmojiSplit; concepts: readonly EmojiConcept[] } | null {
  const seen = concepts.filter((concept) => concept.heldOut === null)
  switch (role) {
    case 'train':
      return seen.length > 0 ? { split: 'train', concepts: seen } : heldOutSplit(concepts)
    case 'extra': {
      const colorless = seen.filter((concept) => !NAMES_COLOR.test(concept.caption))
      return colorless.length > 0 ? { split: 'extra', concepts: colorless } : null
    }
    case 'val-style':
      return seen.length > 0 ? { split: 'val-style', concepts } : null
    case 'test-style':
      return { split: seen.length > 0 ? 'test-style' : 'test-style+held-out', concepts }
  }
}

/** A picture shared by a validation and a test concept would be in both, so it is in neither. */
function heldOutSplit(concepts: readonly EmojiConcept[]) {
  const splits = new Set(concepts.map((concept) => concept.heldOut))
  const [split] = splits
  return splits.size === 1 && split != null ? { split, concepts } : null
}

const NAMES_COLOR = /\b(red|orange|yellow|green|blue|purple|brown|pink|grey|white|black|blond)\b/
