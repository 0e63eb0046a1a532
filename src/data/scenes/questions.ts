import { CATEGORIES, CATEGORY_PLURAL, type Category, type SceneItem } from './categories.js'
import { BACKGROUND_COLOR_NAMES } from './colors.js'
import { verbOf, withArticle } from './nouns.js'
import { pick, shuffled, type UniformRandom } from './random.js'
import { mistakable, POSITIONS, type Position, type Scene } from './scene.js'

/** The questions a scene can be asked, with what fills their blanks. */
export type Question =
  | { type: 'background color' }
  | { type: 'count category'; category: Category }
  | { type: 'count things' }
  | { type: 'presence'; item: SceneItem }
  | { type: 'what is where'; position: Position }
  | { type: 'where is it'; item: SceneItem }
  | { type: 'kind of thing'; position: Position }
  | { type: 'left of'; item: SceneItem; other: SceneItem }
  | { type: 'more than'; category: Category; other: Category }
export type QuestionType = Question['type']

export const QUESTION_TYPES: readonly QuestionType[] = [
  'background color',
  'count category',
  'count things',
  'presence',
  'what is where',
  'where is it',
  'kind of thing',
  'left of',
  'more than',
]

export interface AnsweredQuestion {
  type: QuestionType
  question: string
  answer: string
}

/**
 * One question of each type that makes sense for the scene, with its true answer; yes and no are equally likely where
 * the scene allows both. @param items what absent things are chosen from
 */
export function questionsOf(scene: Scene, items: readonly SceneItem[], random: UniformRandom): AnsweredQuestion[] {
  return QUESTION_TYPES.flatMap((type) => {
    const question = askAbout(scene, type, items, random)
    const answer = question && answerOf(question, scene)
    return answer === undefined ? [] : [{ type, question: questionText(question!), answer }]
  })
}

export function questionText(question: Question): string {
  switch (question.type) {
    case 'background color':
      return 'what color is the background?'
    case 'count category':
      return `how many ${CATEGORY_PLURAL[question.category]} are there?`
    case 'count things':
      return 'how many things are there?'
    case 'presence':
      return `${verbOf(question.item.label)} there ${withArticle(question.item.label)}?`
    case 'what is where':
      return `what is in the ${question.position}?`
    case 'where is it':
      return `where ${verbOf(question.item.label)} the ${question.item.label}?`
    case 'kind of thing':
      return `what kind of thing is in the ${question.position}?`
    case 'left of':
      return `${verbOf(question.item.label)} the ${question.item.label} to the left of the ${question.other.label}?`
    case 'more than':
      return `are there more ${CATEGORY_PLURAL[question.category]} than ${CATEGORY_PLURAL[question.other]}?`
  }
}

/**
 * The true answer, or undefined where the question does not fit the scene: nothing is there, the thing asked about is
 * absent, the two stand one above the other, or what is there could be taken for the thing asked about.
 */
export function answerOf(question: Question, { background, objects }: Scene): string | undefined {
  const count = (category: Category) => objects.filter(({ item }) => item.category === category).length
  const at = (position: Position) => objects.find((object) => object.position === position)?.item
  const find = (item: SceneItem) => objects.find((object) => object.item.label === item.label)?.position
  switch (question.type) {
    case 'background color':
      return background
    case 'count category':
      return String(count(question.category))
    case 'count things':
      return String(objects.length)
    case 'presence':
      if (find(question.item)) return 'yes'
      return objects.some(({ item }) => mistakable(item, question.item)) ? undefined : 'no'
    case 'what is where':
      return at(question.position)?.label
    case 'where is it':
      return find(question.item)
    case 'kind of thing':
      return at(question.position)?.category
    case 'left of': {
      const [a, b] = [find(question.item), find(question.other)]
      if (!a || !b || a.endsWith('left') === b.endsWith('left')) return undefined
      return a.endsWith('left') ? 'yes' : 'no'
    }
    case 'more than':
      return count(question.category) > count(question.other) ? 'yes' : 'no'
  }
}

/** Every answer that a question can have in some scene. */
export function possibleAnswers(question: Question, items: readonly SceneItem[]): readonly string[] {
  switch (question.type) {
    case 'background color':
      return BACKGROUND_COLOR_NAMES
    case 'count category': {
      const most = Math.min(POSITIONS.length, items.filter((item) => item.category === question.category).length)
      return Array.from({ length: most + 1 }, (_, count) => String(count))
    }
    case 'count things':
      return ['1', '2', '3', '4']
    case 'what is where':
      return items.map(({ label }) => label)
    case 'where is it':
      return POSITIONS
    case 'kind of thing':
      return CATEGORIES.filter((category) => items.some((item) => item.category === category))
    case 'presence':
    case 'left of':
    case 'more than':
      return ['yes', 'no']
  }
}

/** A question of a type about what the scene shows, or undefined where the scene has nothing to ask about. */
function askAbout(
  { objects }: Scene,
  type: QuestionType,
  items: readonly SceneItem[],
  random: UniformRandom,
): Question | undefined {
  const yes = random() < 0.5
  const shown = pick(objects, random)
  switch (type) {
    case 'background color':
    case 'count things':
      return { type }
    case 'count category':
      return { type, category: yes ? shown.item.category : pick(CATEGORIES, random) }
    case 'presence':
      return { type, item: yes ? shown.item : pick(items, random) }
    case 'what is where':
    case 'kind of thing':
      return { type, position: shown.position }
    case 'where is it':
      return { type, item: shown.item }
    case 'left of': {
      const [left, right] = ['left', 'right'].map((side) => objects.filter(({ position }) => position.endsWith(side)))
      if (!left?.length || !right?.length) return undefined
      const [a, b] = [pick(left, random).item, pick(right, random).item]
      return yes ? { type, item: a, other: b } : { type, item: b, other: a }
    }
    case 'more than': {
      const other = pick(
        CATEGORIES.filter((category) => category !== shown.item.category),
        random,
      )
      const [category, second] = yes ? [shown.item.category, other] : shuffled([shown.item.category, other], random)
      return { type, category: category!, other: second! }
    }
  }
}
