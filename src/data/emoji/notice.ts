import type { EmojiVendor } from './vendors.js'

/** The text that goes beside pictures made from vendors' drawings: each source, its licence and whose work it is. */
export function attributionNotice(vendors: readonly EmojiVendor[]): string {
  const entries = vendors.map(
    ({ name, licence, attribution, source }) =>
      `${attribution}\n  Licence: ${licence}\n  Source: ${source} (npm: ${name})\n`,
  )
  return `${HEADING}\n\n${entries.join('\n')}`
}

const HEADING = `These pictures are emoji drawings rendered to pixels; scaling and the ground colour are the only changes.
Pictures from share-alike sources (CC-BY-SA-4.0) keep that licence.`
