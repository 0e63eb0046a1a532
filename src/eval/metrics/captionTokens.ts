import { ABBREVIATIONS, CAPITALISED_ABBREVIATIONS, NUMBER_ABBREVIATIONS } from './abbreviations.js'

/**
 * What coco-caption removes. Brackets stay, as "-lrb-": its list has them in capitals, and the tokenizer's output is lower
 * case. Every quotation mark of the tokenizer is among these, so they are not told apart here.
 */
const REMOVED = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';'])

/**
 * The words of a caption as coco-caption compares them: what its Penn Treebank tokenizer (Stanford's 3.4.1, with
 * -lowerCase) makes of it, less punctuation, with single spaces between.
 */
export function tokenizeCaption(caption: string): string {
  const words: string[] = []
  const text = caption.replaceAll('\u00ad', '')
  for (let at = 0; at < text.length; ) {
    const { length, tokens } = longestMatch(text, at)
    words.push(...tokens)
    at += length
  }
  return words
    .map((word) => word.toLowerCase())
    .filter((word) => !REMOVED.has(word))
    .join(' ')
}

/** Makes the tokens of what its pattern matched; by default the match itself is one. */
interface Rule {
  readonly pattern: RegExp
  readonly tokens?: (match: RegExpExecArray) => readonly string[]
}

/** The longest match wins and the earlier rule among equals, as in the generated lexer this stands for. */
function longestMatch(text: string, at: number): { readonly length: number; readonly tokens: readonly string[] } {
  let best: { match: RegExpExecArray; rule: Rule } | undefined
  for (const rule of RULES) {
    rule.pattern.lastIndex = at
    const match = rule.pattern.exec(text)
    if (match && match[0].length > (best?.match[0].length ?? 0)) best = { match, rule }
  }
  // A character that no rule knows stands for itself.
  if (!best) return { length: 1, tokens: [text[at]!] }
  const { match, rule } = best
  return { length: match[0].length, tokens: rule.tokens ? rule.tokens(match) : [match[0]] }
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

const RULES: readonly Rule[] = [
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
