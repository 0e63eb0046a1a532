import { emojiConcepts } from '../emoji/concepts.js'
import { sceneItems } from '../scenes/categories.js'
import { describeScene } from '../scenes/grammar.js'
import { questionsOf } from '../scenes/questions.js'
import { pick, seededUniform, shuffled, type UniformRandom } from '../scenes/random.js'
import { drawScene } from '../scenes/scene.js'
import { conceptCaptions, conceptQuestions, heldOutCaptions } from './conceptText.js'
import { mobyDick } from './mobyDick.js'
import { glossSentences, wordnetGlosses } from './wordnet.js'

export const TEXT_SOURCES = ['dictionary', 'novel', 'captions', 'questions', 'scenes', 'recall'] as const
export type TextSource = (typeof TEXT_SOURCES)[number]

/** One text for the language model. It ends in a line break, which is the end-of-text sign of BLIP-2 with OPT. */
export interface TextDocument {
  source: TextSource
  text: string
  /**
   * What the text takes up, before the token that begins it: where a soft prompt stands. Documents are packed one behind
   * another, so without such texts a model learns that nothing before that token matters.
   */
  context?: string
}

export interface LanguageCorpusOptions {
  seed: number
  /** Scenes described and asked about, three documents each. Default 20,000. */
  scenes?: number
  /** Times the captions of single drawings, and questions about them, are in the corpus. Default 8. */
  captionRepeats?: number
  /**
   * Times that captions follow a context that says the same, in any order of words, or keywords; as many phrases
   * without sense follow themselves, and one scene in `scenes` is asked about behind its description. Default 0.
   */
  recallRepeats?: number
  /** Only the senses of things that can be seen, 4 in 10. Default false. */
  concreteOnly?: boolean
}

/**
 * The text a small language model is trained on: WordNet's glosses and examples, the sentences of Moby Dick, captions
 * and questions of training concepts, and scenes of training concepts. No caption or question of a held-out concept is
 * in it; dictionary and novel are not filtered, so they use the words of held-out captions as any text would.
 *
 * @throws DataError when a package that holds a source is not installed
 */
export function languageCorpus({
  seed,
  scenes = 20_000,
  captionRepeats = 8,
  recallRepeats = 0,
  concreteOnly = false,
}: LanguageCorpusOptions): TextDocument[] {
  const random = seededUniform(seed)
  const glosses = wordnetGlosses().filter(({ concrete }) => concrete || !concreteOnly)
  return [
    ...documents('dictionary', glosses.flatMap(glossSentences)),
    ...documents('novel', mobyDick()),
    ...conceptDocuments(captionRepeats, random),
    ...documents('scenes', sceneTexts(scenes, random)),
    ...recallDocuments(recallRepeats, glosses.flatMap(glossSentences), random),
    ...(recallRepeats > 0 ? recallScenes(scenes, random) : []),
  ]
}

/** How a question and its answer are written for the language model: "Question: what is this? Answer: beaver". */
export function promptedAnswer({ question, answer }: { question: string; answer: string }): string {
  return `Question: ${question} Answer: ${answer}`
}

/** Number of white-space separated words by source. */
export function countWords(corpus: readonly TextDocument[]): Record<TextSource, number> {
  const words = Object.fromEntries(TEXT_SOURCES.map((source) => [source, 0])) as Record<TextSource, number>
  for (const { source, text } of corpus) words[source] += text.trim().split(/\s+/).length
  return words
}

function conceptDocuments(repeats: number, random: UniformRandom): TextDocument[] {
  const concepts = emojiConcepts()
  const { captions, keywords } = conceptCaptions(concepts)
  return Array.from({ length: repeats }, () => [
    ...documents('captions', [...captions, ...keywords]),
    ...documents('questions', conceptQuestions(concepts, random).map(promptedAnswer)),
  ]).flat()
}

/** Captions behind themselves, their words or their keywords, and as many phrases without sense behind themselves. */
function recallDocuments(repeats: number, sentences: readonly string[], random: UniformRandom): TextDocument[] {
  const concepts = emojiConcepts()
  const { captions, keywords } = conceptCaptions(concepts)
  const heldOut = heldOutCaptions(concepts)
  const words = [...captions, ...sentences.slice(0, captions.length)].flatMap((text) => text.split(' '))
  const phrase = () => Array.from({ length: 1 + Math.floor(6 * random()) }, () => pick(words, random)).join(' ')
  const anyOrder = (text: string) => (random() < 0.5 ? text : shuffled(text.split(' '), random).join(' '))
  return Array.from({ length: repeats }, () => [
    ...captions.map((caption) => recalled(anyOrder(caption), caption)),
    ...captions
      .map(phrase)
      .filter((text) => !heldOut.has(text))
      .map((text) => recalled(text, text)),
    ...keywords.map((line) => {
      const [caption, tags] = line.split(': ') as [string, string]
      return recalled(shuffled(tags.split(', '), random).join(', '), caption)
    }),
  ]).flat()
}

/** Questions behind the description that answers them. */
function recallScenes(count: number, random: UniformRandom): TextDocument[] {
  const items = sceneItems(emojiConcepts().filter(({ heldOut }) => heldOut === null))
  return Array.from({ length: count }, () => {
    const scene = drawScene(items, random)
    return recalled(describeScene(scene).at(-1)!, promptedAnswer(pick(questionsOf(scene, items, random), random)))
  })
}

const recalled = (context: string, text: string): TextDocument => ({ source: 'recall', context, text: `${text}\n` })

/** For each scene a caption, a question, and a question after the caption that answers it. */
function sceneTexts(count: number, random: UniformRandom): string[] {
  const items = sceneItems(emojiConcepts().filter(({ heldOut }) => heldOut === null))
  return Array.from({ length: count }, () => {
    const scene = drawScene(items, random)
    const captions = describeScene(scene)
    const questions = questionsOf(scene, items, random)
    const asked = () => promptedAnswer(pick(questions, random))
    return [pick(captions, random), asked(), `${captions.at(-1)}. ${asked()}`]
  }).flat()
}

function documents(source: TextSource, texts: readonly string[]): TextDocument[] {
  return texts.map((text) => ({ source, text: `${text}\n` }))
}
