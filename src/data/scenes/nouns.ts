/** How a thing of a scene is spoken of: "a cat is", "grapes are", "sushi is". */
export type NounNumber = 'singular' | 'plural' | 'mass'

export function nounNumber(label: string): NounNumber {
  if (PLURALS.has(label)) return 'plural'
  return MASS_NOUNS.has(label) ? 'mass' : 'singular'
}

/** "a cat", "an apple", "grapes", "sushi". */
export function withArticle(label: string): string {
  return nounNumber(label) === 'singular' ? `${indefiniteArticle(label)} ${label}` : label
}

/** "is" or "are", as the thing asks for. */
export function verbOf(label: string): 'is' | 'are' {
  return nounNumber(label) === 'plural' ? 'are' : 'is'
}

/** "a" or "an", by the sound the phrase starts with. */
export function indefiniteArticle(phrase: string): 'a' | 'an' {
  if (/^(uni|uku|use|one\b|eu|ewe)/.test(phrase)) return 'a'
  return /^([aeiou]|hour|herb)/.test(phrase) ? 'an' : 'a'
}

const PLURALS = new Set([
  ...['grapes', 'cherries', 'blueberries', 'peanuts', 'beans', 'pancakes', 'french fries'],
  ...['glasses', 'sunglasses', 'goggles', 'jeans', 'gloves', 'socks', 'briefs', 'shorts', "woman's clothes"],
  ...['ballet shoes', 'scissors', 'skis', 'maracas'],
])

const MASS_NOUNS = new Set([
  ...['broccoli', 'garlic', 'bread', 'baguette bread', 'bacon', 'falafel', 'fondue', 'popcorn', 'butter', 'salt'],
  ...['canned food', 'cooked rice', 'curry rice', 'spaghetti', 'oden', 'sushi', 'dango', 'shaved ice', 'ice cream'],
  ...['candy', 'custard', 'sake', 'bubble tea'],
])
