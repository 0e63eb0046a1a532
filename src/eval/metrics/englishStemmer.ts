/**
 * The stem of an English word in lower case: Porter's second English stemmer ("Snowball english", Porter 2001), in the
 * version that METEOR 1.5 carries.
 */
export function stemEnglish(word: string): string {
  if (word.length <= 2) return word
  const special = SPECIAL.get(word)
  if (special !== undefined) return special
  let stem = markConsonantY(word.replace(/^'/, ''))
  const [r1, r2] = regions(stem)
  stem = stem.replace(/'s'$|'s$|'$/, '')
  stem = pluralEnding(stem)
  if (UNCHANGED_PLURALS.has(stem)) return stem
  stem = pastEnding(stem, r1)
  stem = stem.replace(/(?<=.[^aeiouy])[yY]$/, 'i')
  stem = replaceEnding(stem, SECOND, r1, r2)
  stem = replaceEnding(stem, THIRD, r1, r2)
  stem = replaceEnding(stem, FOURTH, r2, r2)
  return finalEnding(stem, r1, r2).toLowerCase()
}

const SPECIAL: ReadonlyMap<string, string> = new Map([
  ...Object.entries({
    skis: 'ski',
    skies: 'sky',
    dying: 'die',
    lying: 'lie',
    tying: 'tie',
    idly: 'idl',
    gently: 'gentl',
    ugly: 'ugli',
    early: 'earli',
    only: 'onli',
    singly: 'singl',
  }),
  ...['sky', 'news', 'howe', 'atlas', 'cosmos', 'bias', 'andes'].map((word) => [word, word] as const),
])
const UNCHANGED_PLURALS = new Set(['inning', 'outing', 'canning', 'herring', 'earring', 'proceed', 'exceed', 'succeed'])

const VOWEL = /[aeiouy]/
const DOUBLE = /(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/

/** y is a consonant, written Y, at the beginning and after a vowel. */
function markConsonantY(word: string): string {
  let marked = ''
  for (const letter of word) {
    const consonant = letter === 'y' && (marked === '' || VOWEL.test(marked.at(-1)!))
    marked += consonant ? 'Y' : letter
  }
  return marked
}

/** Where the regions after the first, and after the second, consonant that follows a vowel begin. */
function regions(word: string): [r1: number, r2: number] {
  const prefix = /^(?:gener|commun|arsen)/.exec(word)
  const r1 = prefix ? prefix[0].length : regionAfter(word, 0)
  return [r1, regionAfter(word, r1)]
}

function regionAfter(word: string, start: number): number {
  const found = /[aeiouy][^aeiouy]/.exec(word.slice(start))
  return found ? start + found.index + 2 : word.length
}

const isShort = (word: string, r1: number): boolean => r1 >= word.length && endsInShortSyllable(word)

const endsInShortSyllable = (word: string): boolean =>
  /(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy])$/.test(word)

function pluralEnding(word: string): string {
  if (word.endsWith('sses')) return word.slice(0, -2)
  if (/ie[ds]$/.test(word)) return word.length > 4 ? word.slice(0, -2) : word.slice(0, -1)
  if (/[us]s$/.test(word)) return word
  return /[aeiouy].+s$/.test(word) ? word.slice(0, -1) : word
}

function pastEnding(word: string, r1: number): string {
  const eed = /eed(?:ly)?$/.exec(word)
  if (eed) return eed.index >= r1 ? `${word.slice(0, eed.index)}ee` : word
  const ending = /(?:ed|ing)(?:ly)?$/.exec(word)
  if (!ending || !VOWEL.test(word.slice(0, ending.index))) return word
  const stem = word.slice(0, ending.index)
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`
  if (DOUBLE.test(stem)) return stem.slice(0, -1)
  return isShort(stem, r1) ? `${stem}e` : stem
}

interface Ending {
  readonly ending: string
  readonly becomes: string
  /** What must stand before it. */
  readonly after?: RegExp
  readonly inR2?: true
}

const endings = (table: string): Ending[] =>
  table.split(/\s+/).map((entry) => {
    const [ending, becomes] = entry.split('>') as [string, string]
    return { ending, becomes }
  })

const SECOND: readonly Ending[] = [
  ...endings(
    `tional>tion enci>ence anci>ance abli>able entli>ent izer>ize ization>ize ational>ate ation>ate ator>ate alism>al
    aliti>al alli>al fulness>ful ousli>ous ousness>ous iveness>ive iviti>ive biliti>ble bli>ble fulli>ful lessli>less`,
  ),
  { ending: 'ogi', becomes: 'og', after: /l$/ },
  { ending: 'li', becomes: '', after: /[cdeghkmnrt]$/ },
]
const THIRD: readonly Ending[] = [
  ...endings('tional>tion ational>ate alize>al icate>ic iciti>ic ical>ic ful> ness>'),
  { ending: 'ative', becomes: '', inR2: true },
]
const FOURTH: readonly Ending[] = [
  ...endings('al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> ism> ate> iti> ous> ive> ize>'),
  { ending: 'ion', becomes: '', after: /[st]$/ },
]

/** The longest ending of the table that the word has, and only that, is replaced, if it lies in the region. */
function replaceEnding(word: string, table: readonly Ending[], region: number, r2: number): string {
  const found = table
    .filter(({ ending }) => word.endsWith(ending))
    .reduce<Ending | undefined>(
      (best, entry) => (entry.ending.length > (best?.ending.length ?? 0) ? entry : best),
      undefined,
    )
  if (!found) return word
  const stem = word.slice(0, -found.ending.length)
  const applies = stem.length >= (found.inR2 ? r2 : region) && (found.after?.test(stem) ?? true)
  return applies ? stem + found.becomes : word
}

function finalEnding(word: string, r1: number, r2: number): string {
  const stem = word.slice(0, -1)
  if (word.endsWith('e') && (stem.length >= r2 || (stem.length >= r1 && !endsInShortSyllable(stem)))) return stem
  return word.endsWith('ll') && stem.length >= r2 ? stem : word
}
