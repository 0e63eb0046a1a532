import { ABBREVIATIONS, CAPITALISED_ABBREVIATIONS, NUMBER_ABBREVIATIONS } from './abbreviations.js'

/** Makes the tokens of what its pattern matched; by default the match itself is one. */
export interface TreebankRule {
  readonly pattern: RegExp
  readonly tokens?: (match: RegExpExecArray) => readonly string[]
}

const APOSTROPHE = "['\u2019]"
/** Letters and digits; o', d' and l' belong to the word after them. */
const PART = `(?:[dDoOlL]${APOSTROPHE}(?=[\\p{L}\\p{N}]))?[\\p{L}\\p{M}\\p{Nd}]+`
const always = (tokens: readonly string[]) => () => tokens
const one =
  (change: (text: string) => string) =>
  ([text]: RegExpExecArray) => [change(text)]

const FRACTIONS: Readonly<Record<string, string>> = { '¼': '1/4', '½': '1/2', '¾': '3/4', '⅓': '1/3', '⅔': '2/3' }
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const BRACKETS: Readonly<Record<string, string>> = {
  '(': '-lrb-',
  ')': '-rrb-',
  '[': '-lsb-',
  ']': '-rsb-',
  '{': '-lcb-',
  '}': '-rcb-',
}
const CURRENCIES: Readonly<Record<string, string>> = { '£': '#', '€': '$', '¢': 'cents' }
const brackets = (text: string) => text.replace(/[()]/g, (bracket) => BRACKETS[bracket]!)

/** Abbreviations: a word and its period are one token. */
function abbreviation(words: ReadonlySet<string>, flags: string, after = ''): RegExp {
  const alternatives = [...words].sort((a, b) => b.length - a.length).map((word) => word.replaceAll('.', '\\.'))
  return new RegExp(`(?:${alternatives.join('|')})\\.${after}`, `${flags}yu`)
}

/**
 * What a token of a caption can be, in Stanford's Penn Treebank conventions: written from the published conventions and
 * the tokenizer's own output. Tokens keep their case; all quotation marks become one of `''` and `'`.
 */
export const TREEBANK_RULES: readonly TreebankRule[] = [
  { pattern: /[\s\u200b]+/uy, tokens: always([]) },
  // Two words in one.
  {
    pattern: /(?:(can)(not)|(gon|wan)(na)|(got)(ta)|(gim|lem)(me))(?![\p{L}\p{Nd}_'-])/iuy,
    tokens: (match) => match.slice(1).filter((part) => part !== undefined),
  },
  { pattern: new RegExp(`(${APOSTROPHE}t)(is|was)(?!\\p{L})`, 'iyu'), tokens: ([, t, is]) => [t!, is!] },
  {
    pattern: new RegExp(`([\\p{L}\\p{M}-]*)(n${APOSTROPHE}t)(?!\\p{L})`, 'iyu'),
    tokens: ([, word, not]) => [...(word === '' ? [] : [word!]), straight(not!)],
  },
  { pattern: new RegExp(`${APOSTROPHE}(?:[smd]|re|ve|ll)(?!\\p{L})`, 'iyu'), tokens: one(straight) },
  // Words and what is joined to them by a hyphen, a slash or an underscore.
  { pattern: new RegExp(`${PART}(?:[-_/]${PART})*`, 'yu'), tokens: one(straight) },
  { pattern: /\p{L}+(?:[.!?]\p{L}+)+/uy },
  { pattern: /(?:pro|anti)-(?=\s+\p{L})/iuy },
  // Words with an apostrophe inside, before or after.
  {
    pattern: new RegExp(
      `[A-HJ-XZn]${APOSTROPHE}\\p{L}{2,}|\\p{L}+[aeiouyAEIOUY]${APOSTROPHE}[aeiouA-Z]\\p{L}*|[lLdDjJyY]${APOSTROPHE}|ol${APOSTROPHE}`,
      'yu',
    ),
    tokens: one(straight),
  },
  {
    pattern: new RegExp(
      `${APOSTROPHE}(?:n${APOSTROPHE}|n(?!\\p{L})|em(?!\\p{L})|till?(?!\\p{L})|cause(?!\\p{L})|[2-9]0s)`,
      'yu',
    ),
    tokens: one(straight),
  },
  // Abbreviations and initials.
  { pattern: abbreviation(ABBREVIATIONS, 'i') },
  { pattern: abbreviation(CAPITALISED_ABBREVIATIONS, '') },
  { pattern: abbreviation(NUMBER_ABBREVIATIONS, 'i', '(?=\\s*\\p{Nd})') },
  { pattern: /\p{L}(?:\.\p{L})+\.?(?!\p{L})/uy },
  {
    pattern:
      /\p{L}\.(?!\p{L})(?!\s+(?:A|An|And|As|At|But|By|For|He|His|I|If|In|It|Its|On|She|That|The|They|This|We|You)\s)/uy,
  },
  { pattern: /\p{Lu}+(?:&\p{Lu}+)+/uy },
  // Numbers.
  { pattern: /[-+]?(?:\p{Nd}+(?:[.,:]\p{Nd}+)*|\.\p{Nd}+)/uy },
  // A mixed number is one token; its words are told apart where n-grams are counted.
  {
    pattern: /\p{Nd}+ \p{Nd}+\/\p{Nd}+(?![\p{L}\p{Nd}-])/uy,
    tokens: one((number) => number.replace(' ', '\u00a0')),
  },
  { pattern: /[¼½¾⅓⅔]/uy, tokens: one((sign) => FRACTIONS[sign]!) },
  { pattern: /(?:US|HK|NT|NZ|[ACS])?\$/uy },
  { pattern: /[£€¢]/uy, tokens: one((sign) => CURRENCIES[sign]!) },
  // The web.
  { pattern: /https?:\/\/[^\s"<>|()]+[^\s"<>|.!?(){},-]/iuy },
  { pattern: /(?:[\p{L}\p{Nd}_-]+\.)+(?:com|net|org|edu|gov)(?![\p{L}\p{Nd}])/iuy },
  { pattern: /[\p{L}\p{Nd}._%+-]+@[\p{L}\p{Nd}.-]*[\p{L}\p{Nd}]/uy },
  { pattern: /[@#]\p{L}[\p{L}\p{Nd}_]*/uy },
  { pattern: /&(amp|lt|gt|quot|apos);/iuy, tokens: ([, name]) => [ENTITIES[name!.toLowerCase()]!] },
  { pattern: /<\/?[A-Za-z][A-Za-z0-9]*\/?>/uy },
  { pattern: /[<>]?[:;=][-o*']?[()DPdpO\\{@|[\]]/uy, tokens: one(brackets) },
  // Punctuation.
  { pattern: /[()[\]{}]/uy, tokens: one((bracket) => BRACKETS[bracket]!) },
  { pattern: /[?!]+/uy },
  { pattern: /\.{3,}|…/uy, tokens: always(['...']) },
  { pattern: /-{2,}|[\u2013\u2014]/uy, tokens: always(['--']) },
  { pattern: /["\u201c\u201d\u00ab\u00bb]|''|``/uy, tokens: always(["''"]) },
  { pattern: /[`'\u2018\u2019\u2039\u203a]/uy, tokens: always(["'"]) },
  { pattern: /\*+|_+|<+|>+/uy },
]

function straight(text: string): string {
  return text.replaceAll('\u2019', "'")
}
