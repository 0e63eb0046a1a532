import { TREEBANK_RULES, type TreebankRule } from './treebankRules.js'

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

/** The longest match wins and the earlier rule among equals, as in the generated lexer this stands for. */
function longestMatch(text: string, at: number): { readonly length: number; readonly tokens: readonly string[] } {
  let best: { match: RegExpExecArray; rule: TreebankRule } | undefined
  for (const rule of TREEBANK_RULES) {
    rule.pattern.lastIndex = at
    const match = rule.pattern.exec(text)
    if (match && match[0].length > (best?.match[0].length ?? 0)) best = { match, rule }
  }
  // A character that no rule knows stands for itself.
  if (!best) {
    const character = String.fromCodePoint(text.codePointAt(at)!)
    return { length: character.length, tokens: [character] }
  }
  const { match, rule } = best
  return { length: match[0].length, tokens: rule.tokens ? rule.tokens(match) : [match[0]] }
}
