/**
 * Whether the mirror image of a drawing would be another thing or wrong: the name says a side or a turn, the drawing
 * is a clock face or a moon phase, or it carries writing.
 *
 * @param label CLDR name of the base emoji
 * @param subgroup emojibase's subgroup key
 */
export function isDirectional(label: string, subgroup: string): boolean {
  return SIDED_NAME.test(label) || SIDED_SUBGROUPS.has(subgroup)
}

const SIDED_NAME = new RegExp(
  [
    '\\b(left|right|leftwards|rightwards|counterclockwise|clockwise|increasing|decreasing)\\b',
    '\\b(waxing|waning|quarter|crescent)\\b',
    "o['’]clock$|-thirty$",
    '\\b(1st|2nd|3rd|ATM|hundred points|A-Z|question mark|fast-forward|reverse|next track|last track|play)\\b',
  ].join('|'),
)

const SIDED_SUBGROUPS = new Set(['alphanum', 'arrow', 'keycap', 'punctuation', 'zodiac'])
