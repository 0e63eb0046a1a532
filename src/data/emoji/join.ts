import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { EMOJIBASE, emojiConcepts, normalizeHexcode } from './concepts.js'
import { type IconSet, iconSvg, readIconHexcodes, readIconSet } from './iconify.js'
import { ICON_NAMES } from './iconNames.js'
import { packageDirectory, readPackageJson } from './packages.js'
import { type EmojiVendor, VENDORS } from './vendors.js'

/** A vendor's drawing of one concept: the path of a picture file, or SVG text. */
export interface EmojiDrawing {
  hexcode: string
  /** The name that the vendor gives the drawing, for messages and for a look at the joins. */
  name: string
  /** Reads it in a size that fits a square of `size` pixels. */
  source: (size: number) => string | Buffer
}

/** The drawings of a vendor that depict concepts of the data set, one a concept, in CLDR order. */
export function vendorDrawings(vendor: EmojiVendor): EmojiDrawing[] {
  const names = vendorNames(vendor)
  const source = drawingReader(vendor)
  return emojiConcepts().flatMap(({ hexcode }) => {
    const name = names.get(hexcode)
    return name === undefined ? [] : [{ hexcode, name, source: (size: number) => source(name, size) }]
  })
}

/** The vendor's name of each drawing by the hexcode of its concept; the first name in the set's order wins. */
function vendorNames(vendor: EmojiVendor): Map<string, string> {
  const names = new Map<string, string>()
  const add = (hexcode: string | null | undefined, name: string) => {
    const known = hexcode == null ? undefined : conceptHexcode(hexcode)
    if (known !== undefined && !names.has(known)) names.set(known, name)
  }
  if (vendor.format === 'webp-by-hexcode') {
    const files = readdirSync(join(packageDirectory(vendor), 'assets')).filter((file) => file.endsWith('.webp'))
    for (const file of files.sort()) add(file.slice(0, -'.webp'.length), file)
  } else if (vendor.format === 'iconify-by-hexcode') {
    for (const [hexcode, name] of Object.entries(readIconHexcodes(vendor))) add(hexcode, name)
    // Drawings that are the mirror image of another have no hexcode of their own: "backhand-index-pointing-right".
    for (const [name, { hFlip }] of Object.entries(readIconSet(vendor).aliases ?? {})) {
      if (hFlip) add(hexcodeOfIcon(vendor, name, []), name)
    }
  } else {
    const set = readIconSet(vendor)
    const aliases = aliasesByParent(set)
    for (const [name, icon] of Object.entries(set.icons)) {
      if (!icon.hidden) add(hexcodeOfIcon(vendor, name, aliases.get(name) ?? []), name)
    }
  }
  return names
}

function drawingReader(vendor: EmojiVendor): (name: string, size: number) => string | Buffer {
  if (vendor.format === 'webp-by-hexcode') {
    const folder = join(packageDirectory(vendor), 'assets')
    return (name) => join(folder, name)
  }
  const set = readIconSet(vendor)
  return (name, size) => Buffer.from(iconSvg(set, name, size))
}

/** The hexcode as the concepts write it: exactly, or else compared without zero-width joiners. */
function conceptHexcode(hexcode: string): string | undefined {
  conceptHexcodes ??= new Map(
    emojiConcepts()
      .map((concept) => concept.hexcode)
      .flatMap((known) => [
        [withoutJoiner(known), known],
        [known, known],
      ]),
  )
  const normal = normalizeHexcode(hexcode)
  return conceptHexcodes.get(normal) ?? conceptHexcodes.get(withoutJoiner(normal))
}

let conceptHexcodes: Map<string, string> | undefined

function withoutJoiner(hexcode: string): string {
  return hexcode.replaceAll('-200d', '')
}

/** Finds what an icon depicts from its name, from other names of the icon, or from its name without a skin tone. */
function hexcodeOfIcon(vendor: EmojiVendor, name: string, aliases: readonly string[]): string | null | undefined {
  const byHand = ICON_NAMES[vendor.id]?.[name]
  if (byHand !== undefined) return byHand === null ? null : nameIndex().get(nameKey(byHand))
  for (const candidate of [name, ...aliases, name.replace(/-\d+$/, '')]) {
    const hexcode = nameIndex().get(nameKey(candidate)) ?? tonedHexcode(candidate)
    if (hexcode !== undefined) return hexcode
  }
  return undefined
}

/** "bride-with-veil-dark-skin-tone", whose base has been renamed since, is the dark variant of what the base depicts. */
function tonedHexcode(name: string): string | undefined {
  const [, baseName, tone] = /^(.*?)-((?:medium-)?(?:light|dark)|medium)(?:-skin-tone)?$/.exec(name) ?? []
  const base = baseName === undefined ? undefined : nameIndex().get(nameKey(baseName))
  const label = base === undefined ? undefined : emojiConcepts().find((concept) => concept.hexcode === base)?.label
  return label === undefined ? undefined : nameIndex().get(nameKey(`${label}: ${tone} skin tone`))
}

let names: Map<string, string> | undefined

/** Every known name of an emoji, the surest first: CLDR labels, vendors' names, short codes, Unicode names. */
function nameIndex(): Map<string, string> {
  if (names !== undefined) return names
  const index = new Map<string, string>()
  const add = (name: string, hexcode: string) => {
    const key = nameKey(name)
    if (!index.has(key)) index.set(key, normalizeHexcode(hexcode))
  }
  for (const concept of emojiConcepts()) add(concept.label, concept.hexcode)
  for (const vendor of NAMING_VENDORS) addVendorNames(vendor, add)
  for (const list of ['cldr', 'emojibase', 'iamcal', 'github', 'joypixels', 'emojibase-legacy']) {
    const shortcodes = readPackageJson<Record<string, string | string[]>>(EMOJIBASE, `en/shortcodes/${list}.json`)
    for (const [hexcode, codes] of Object.entries(shortcodes)) for (const code of [codes].flat()) add(code, hexcode)
  }
  const unicodeNames = readPackageJson<Record<string, string>>(EMOJIBASE, 'meta/unicode-names.json')
  for (const [hexcode, name] of Object.entries(unicodeNames)) add(name, hexcode)
  names = index
  return index
}

/** The sets that say the hexcode of their names; together they know the older CLDR names too. */
const NAMING_VENDORS = [VENDORS.noto, VENDORS.twemoji, VENDORS.openmoji, VENDORS['fluent-flat']]

function addVendorNames(vendor: EmojiVendor, add: (name: string, hexcode: string) => void) {
  const aliases = aliasesByParent(readIconSet(vendor))
  const named = Object.entries(readIconHexcodes(vendor))
  for (const [hexcode, name] of named) add(name, hexcode)
  for (const [hexcode, name] of named) for (const alias of aliases.get(name) ?? []) add(alias, hexcode)
}

/** The names that show the same drawing; a mirrored alias depicts something else. */
function aliasesByParent(set: IconSet): Map<string, string[]> {
  const aliases = new Map<string, string[]>()
  for (const [alias, { parent, hFlip }] of Object.entries(set.aliases ?? {})) {
    if (!hFlip) aliases.set(parent, [...(aliases.get(parent) ?? []), alias])
  }
  return aliases
}

/** Names are compared by their letters and digits: "man’s shoe", "mans-shoe" and "mansshoe" are one. */
function nameKey(name: string): string {
  return name
    .replace('#', 'pound')
    .replace('*', 'asterisk')
    .toLowerCase()
    .normalize('NFD')
    .replace(/[^a-z0-9]/g, '')
}
