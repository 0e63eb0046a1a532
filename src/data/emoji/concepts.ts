import { type Composition, type CompositionHoldOut, composedRoles, compositionHoldOut } from './composition.js'
import { type ConceptHoldOut, heldOutBaseHexcodes } from './conceptHoldOuts.js'
import { isDirectional } from './directional.js'
import { type DataPackage, readPackageJson } from './packages.js'

export const EMOJIBASE: DataPackage = { name: 'emojibase-data', version: '17.0.0' }

/** Fitzpatrick tones as Unicode has them: 1 light, 2 medium-light, 3 medium, 4 medium-dark, 5 dark. */
export type SkinTone = 1 | 2 | 3 | 4 | 5

/** One thing that has a CLDR name: an emoji, or an emoji with a skin tone. */
export interface EmojiConcept {
  /** Position in CLDR order; stable for one version of emojibase-data. */
  id: number
  /** Code points in lower-case hexadecimal joined by "-", without the variation selector fe0f. */
  hexcode: string
  /** The CLDR short name: "woman farmer: medium skin tone". */
  label: string
  /** The label in lower case with plain quotes: the one caption that pictures of the concept are scored against. */
  caption: string
  /** CLDR keywords, those of the base emoji for a skin-tone variant. Hints for training, never acceptable answers. */
  tags: readonly string[]
  /** Keys of emojibase: "people-body" and "person-role". */
  group: string
  subgroup: string
  /** Empty for a base emoji, two for two people of different tones. */
  skinTones: readonly SkinTone[]
  /** True when the emoji has no skin tone. */
  base: boolean
  /** True when a mirrored drawing is wrong or another concept: "left arrow", "OK button", "person running". */
  directional: boolean
  /** Role, gender and tone when the emoji is one of the 72 composed roles. */
  composition: Composition | null
  /** The held-out split this concept belongs to; null for the concepts of training. */
  heldOut: CompositionHoldOut | ConceptHoldOut | null
}

/**
 * The concepts of the data set in CLDR order: 1,644 base emoji and their skin-tone variants, 3,674 in all.
 * Flags, hair and skin components and regional letters are left out: a flag is memorised, not seen.
 *
 * @throws DataError when emojibase-data is not installed.
 */
export function emojiConcepts(): readonly EmojiConcept[] {
  concepts ??= readConcepts()
  return concepts
}

/** The concepts whose label, tags, group and subgroup may be used as training text: those of no held-out split. */
export function trainingConcepts(): readonly EmojiConcept[] {
  return emojiConcepts().filter((concept) => concept.heldOut === null)
}

/** A hexcode in the form the data set compares: lower case, no fe0f, no leading zeros. */
export function normalizeHexcode(hexcode: string): string {
  return hexcode
    .toLowerCase()
    .split('-')
    .filter((codePoint) => codePoint !== 'fe0f')
    .map((codePoint) => codePoint.replace(/^0+/, ''))
    .join('-')
}

let concepts: readonly EmojiConcept[] | undefined

/** The fields of emojibase-data's en/data.json that are used here. */
interface EmojibaseEntry {
  label: string
  hexcode: string
  tags?: string[]
  group?: number
  subgroup?: number
  tone?: SkinTone | SkinTone[]
  skins?: EmojibaseEntry[]
}

interface EmojibaseGroups {
  groups: Record<string, string>
  subgroups: Record<string, string>
}

function readConcepts(): EmojiConcept[] {
  const names = readPackageJson<EmojibaseGroups>(EMOJIBASE, 'meta/groups.json')
  const groupOf = (entry: EmojibaseEntry) => names.groups[String(entry.group)] ?? 'regional-letter'
  const subgroupOf = (entry: EmojibaseEntry) => names.subgroups[String(entry.subgroup)] ?? 'regional-letter'

  const bases = readPackageJson<EmojibaseEntry[]>(EMOJIBASE, 'en/data.json').filter(
    (entry) => !['regional-letter', 'component', 'flags'].includes(groupOf(entry)),
  )
  const labels = bases.map((base) => base.label)
  const mirrored = new Set(labels.filter((label) => labels.includes(`${label}: facing right`)))
  const roles = composedRoles(labels)
  const unseen = heldOutBaseHexcodes(
    bases
      .filter((base) => base.skins === undefined && groupOf(base) !== 'people-body')
      .map((base) => ({ hexcode: normalizeHexcode(base.hexcode), caption: captionOf(base.label) })),
  )

  return bases
    .flatMap((base) => [base, ...(base.skins ?? [])].map((entry) => ({ base, entry })))
    .map(({ base, entry }, id) => {
      const hexcode = normalizeHexcode(entry.hexcode)
      const skinTones = entry.tone === undefined ? [] : [entry.tone].flat()
      const role = roles.get(base.label)
      const composition = role === undefined ? null : { ...role, tone: skinTones[0] ?? 0 }
      const subgroup = subgroupOf(base)
      return {
        id,
        hexcode,
        label: entry.label,
        caption: captionOf(entry.label),
        tags: base.tags ?? [],
        group: groupOf(base),
        subgroup,
        skinTones,
        base: skinTones.length === 0,
        directional: mirrored.has(base.label) || isDirectional(base.label, subgroup),
        composition,
        heldOut: composition === null ? (unseen.get(hexcode) ?? null) : compositionHoldOut(composition),
      }
    })
}

function captionOf(label: string): string {
  return label.toLowerCase().replace(/[‘’]/g, "'").replace(/[“”]/g, '"')
}
