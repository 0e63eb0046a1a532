import { cleanCaption } from '../../text/captionCleaning.js'
import type { EmojiConcept } from '../emoji/concepts.js'
import { sceneItems } from '../scenes/categories.js'
import { verbOf, withArticle } from '../scenes/nouns.js'
import { pick, type UniformRandom } from '../scenes/random.js'
import { mistakable } from '../scenes/scene.js'

export interface ConceptCaptions {
  /** The caption of every training concept as the caption cleaner leaves it: "woman farmer medium skin tone". */
  captions: string[]
  /** Base concepts with their tags, written like a dictionary: "beaver: animal, dam, teeth". */
  keywords: string[]
}

/** Caption text of training concepts. Tags that are the caption of a held-out concept are left out. */
export function conceptCaptions(concepts: readonly EmojiConcept[]): ConceptCaptions {
  const training = concepts.filter(({ heldOut }) => heldOut === null)
  const heldOut = heldOutCaptions(concepts)
  const keywords = training
    .filter(({ base }) => base)
    .map(({ caption, tags }) => ({ caption, tags: tags.filter((tag) => tag !== caption && !heldOut.has(tag)) }))
    .filter(({ tags }) => tags.length > 0)
    .map(({ caption, tags }) => `${cleanCaption(caption)}: ${tags.join(', ')}`)
  return { captions: training.map(({ caption }) => cleanCaption(caption)), keywords }
}

/** Captions that no training text may have as a whole. */
export function heldOutCaptions(concepts: readonly EmojiConcept[]): ReadonlySet<string> {
  return new Set(concepts.flatMap(({ caption, heldOut }) => (heldOut === null ? [] : [caption, cleanCaption(caption)])))
}

/**
 * Questions about one drawing with their answers, from training concepts: what it is, and for the things that scenes
 * are made of what kind it is and whether it is this or another thing.
 */
export function conceptQuestions(
  concepts: readonly EmojiConcept[],
  random: UniformRandom,
): { question: string; answer: string }[] {
  const training = concepts.filter(({ heldOut }) => heldOut === null)
  const items = sceneItems(training)
  const named = training.map(({ caption }) => ({
    question: pick(NAMING_QUESTIONS, random),
    answer: cleanCaption(caption),
  }))
  const about = items.flatMap((item) => {
    const other = pick(
      items.filter((one) => !mistakable(one, item)),
      random,
    )
    return [
      { question: 'what kind of thing is this?', answer: item.category as string },
      { question: isThis(item.label), answer: 'yes' },
      { question: isThis(other.label), answer: 'no' },
    ]
  })
  return [...named, ...about]
}

const NAMING_QUESTIONS = ['what is this?', 'what is in the picture?', 'what does the picture show?']

function isThis(label: string): string {
  return `${verbOf(label)} ${verbOf(label) === 'are' ? 'these' : 'this'} ${withArticle(label)}?`
}
