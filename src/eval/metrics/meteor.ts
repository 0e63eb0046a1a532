import type { CaptionPair } from './captionPair.js'
import { stemEnglish } from './englishStemmer.js'
import { FUNCTION_WORDS } from './functionWords.js'
import { align, type Candidate } from './meteorAlignment.js'
import { meteorWords } from './meteorWords.js'
import { loadSynonyms, type SynonymDictionary } from './wordnetSynonyms.js'

/** Counts of one caption against its best reference; a corpus is the sum of its captions. */
export interface MeteorStatistics {
  readonly length: number
  readonly referenceLength: number
  /** Function words among them. */
  readonly functionWords: number
  readonly referenceFunctionWords: number
  readonly matches: number
  /** Runs of matches that are adjacent and in order on both sides; 0 where caption and reference are the same. */
  readonly chunks: number
  /** Matches weighted by module, and by whether the word is a function word. */
  readonly weightedMatches: number
  readonly referenceWeightedMatches: number
}

// METEOR 1.5's parameters for English (Denkowski and Lavie 2014, table 1).
const ALPHA = 0.85
const BETA = 0.2
const GAMMA = 0.6
const DELTA = 0.75
/** What an exact, a stem and a synonym match is worth. */
const MODULE_WEIGHTS = [1, 0.6, 0.8] as const

/** The counts of a caption against the reference it scores best with, the first of equals. */
export function meteorStatistics(
  { hypothesis, references }: CaptionPair,
  synonyms: SynonymDictionary = loadSynonyms(),
): MeteorStatistics {
  const words = meteorWords(hypothesis)
  const all = references.map((reference) => compare(words, meteorWords(reference), synonyms))
  return all.reduce((best, statistics) => (meteor([statistics]) > meteor([best]) ? statistics : best))
}

/**
 * METEOR 1.5 of a corpus or of one caption, 0 to 1, with the exact, stem and synonym modules. The paraphrase table of the
 * Java program (61 MB) is left out.
 */
export function meteor(statistics: readonly MeteorStatistics[]): number {
  const sum = (field: keyof MeteorStatistics) => statistics.reduce((total, caption) => total + caption[field], 0)
  const precision = sum('weightedMatches') / weightedLength(sum('length'), sum('functionWords'))
  const recall = sum('referenceWeightedMatches') / weightedLength(sum('referenceLength'), sum('referenceFunctionWords'))
  const mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
  const fragmentation = sum('chunks') / sum('matches')
  const score = mean * (1 - GAMMA * fragmentation ** BETA)
  return Number.isNaN(score) ? 0 : Math.max(0, score)
}

const weightedLength = (length: number, functionWords: number): number =>
  DELTA * (length - functionWords) + (1 - DELTA) * functionWords

function compare(
  words: readonly string[],
  reference: readonly string[],
  synonyms: SynonymDictionary,
): MeteorStatistics {
  const matches = align(candidates(words, reference, synonyms), words.length)
  const matched = matches.filter((match) => match !== undefined).length
  const chunks = countChunks(matches)
  let weightedMatches = 0
  let referenceWeightedMatches = 0
  for (const [place, match] of matches.entries()) {
    if (!match) continue
    weightedMatches += MODULE_WEIGHTS[match.module]! * wordWeight(words[match.word]!)
    referenceWeightedMatches += MODULE_WEIGHTS[match.module]! * wordWeight(reference[place]!)
  }
  return {
    length: words.length,
    referenceLength: reference.length,
    functionWords: words.filter((word) => FUNCTION_WORDS.has(word)).length,
    referenceFunctionWords: reference.filter((word) => FUNCTION_WORDS.has(word)).length,
    matches: matched,
    chunks: matched === words.length && matched === reference.length && chunks === 1 ? 0 : chunks,
    weightedMatches,
    referenceWeightedMatches,
  }
}

const wordWeight = (word: string): number => (FUNCTION_WORDS.has(word) ? 1 - DELTA : DELTA)

/** For each word of the reference what it can be matched with, by module. Equal lines are matched exactly and no further. */
function candidates(
  words: readonly string[],
  reference: readonly string[],
  synonyms: SynonymDictionary,
): (readonly Candidate[])[] {
  const same = (word: string, other: string) => word === other
  if (words.length === reference.length && words.every((word, i) => word === reference[i]))
    return reference.map((wanted) => matching(words, 0, (word) => same(word, wanted)))
  const stems = words.map(stemEnglish)
  const senses = words.map(synonyms.senses)
  return reference.map((wanted) => {
    const stem = stemEnglish(wanted)
    const ofWanted = synonyms.senses(wanted)
    return [
      ...matching(words, 0, (word) => same(word, wanted)),
      ...matching(words, 1, (word, i) => !same(word, wanted) && stems[i] === stem),
      ...matching(words, 2, (word, i) => !same(word, wanted) && shareSense(senses[i]!, ofWanted)),
    ]
  })
}

const matching = (
  words: readonly string[],
  module: number,
  matches: (word: string, i: number) => boolean,
): Candidate[] => words.flatMap((word, i) => (matches(word, i) ? [{ word: i, module }] : []))

const shareSense = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => [...a].some((sense) => b.has(sense))

function countChunks(matches: readonly (Candidate | undefined)[]): number {
  let chunks = 0
  let next = -1
  for (const match of matches) {
    if (match && match.word !== next) chunks++
    next = match ? match.word + 1 : -1
  }
  return chunks
}
