import { type EmojiConcept, trainingConcepts } from '../../data/emoji/concepts.js'
import { sceneItems } from '../../data/scenes/categories.js'
import { describeScene } from '../../data/scenes/grammar.js'
import { questionsOf } from '../../data/scenes/questions.js'
import { pick, type UniformRandom } from '../../data/scenes/random.js'
import { drawScene } from '../../data/scenes/scene.js'
import { conceptCaptions } from '../../data/text/conceptText.js'
import { questionPrompt } from '../../tasks/promptTemplates.js'
import { cleanCaption } from '../../text/captionCleaning.js'

/** What the encoder reads and the decoder answers, in words. */
export interface Instruction {
  readonly input: string
  readonly target: string
}

/**
 * Instructions about scenes and single things, of training concepts alone: a question after a description that answers
 * it, a caption that is begun, and a thing that is to be named from what belongs to it. They are in the form in which
 * BLIP-2 asks Flan-T5.
 */
export function instructions(
  concepts: readonly EmojiConcept[] = trainingConcepts(),
): (random: UniformRandom) => Instruction {
  const items = sceneItems(concepts)
  const { captions, keywords } = conceptCaptions(concepts)
  return (random) => {
    const kind = random()
    if (kind < 0.2) {
      const [name, tags] = pick(keywords, random).split(': ') as [string, string]
      return { input: `${tags}. ${questionPrompt('t5', 'what is this?')}`, target: name }
    }
    if (kind < 0.35) return begun(pick(captions, random), random)
    const scene = drawScene(items, random)
    const described = describeScene(scene)
    if (kind < 0.55) return begun(pick(described, random), random)
    const { question, answer } = pick(questionsOf(scene, items, random), random)
    return { input: `${described.at(-1)}. ${questionPrompt('t5', question)}`, target: answer }
  }
}

/** A caption to be gone on with from a random place between two words; of one word the whole. */
function begun(caption: string, random: UniformRandom): Instruction {
  const words = cleanCaption(caption).split(' ')
  const place = words.length < 2 ? 0 : 1 + Math.floor(random() * (words.length - 1))
  return { input: words.slice(0, place).join(' '), target: words.slice(place).join(' ') }
}
