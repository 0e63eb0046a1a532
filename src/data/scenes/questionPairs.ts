import { DataError } from '../../errors.js'
import { CATEGORIES, type SceneItem } from './categories.js'
import { answerOf, possibleAnswers, type Question, type QuestionType, questionText } from './questions.js'
import { pick, shuffled, type UniformRandom } from './random.js'
import { drawScene, mistakable, POSITIONS, type Position, type Scene } from './scene.js'

/** One question with two pictures that answer it differently: the question alone does not tell the answer. */
export interface QuestionPair {
  type: QuestionType
  question: string
  scenes: [Scene, Scene]
  answers: [string, string]
}

/**
 * Draws a question, then two different answers, each as likely as any other, and only then scenes of which they are
 * true. The two belong in one split.
 *
 * @throws DataError when the items allow no such question
 */
export function drawQuestionPair(type: QuestionType, items: readonly SceneItem[], random: UniformRandom): QuestionPair {
  const question = drawQuestion(type, items, random)
  const [first, second] = shuffled(possibleAnswers(question, items), random)
  if (first === undefined || second === undefined)
    throw new DataError(`No two answers are possible to: ${questionText(question)}`)
  return {
    type,
    question: questionText(question),
    scenes: [sceneFor(question, first, items, random), sceneFor(question, second, items, random)],
    answers: [first, second],
  }
}

function drawQuestion(type: QuestionType, items: readonly SceneItem[], random: UniformRandom): Question {
  const item = pick(items, random)
  const [category, otherCategory] = shuffled(
    CATEGORIES.filter((name) => items.some((one) => one.category === name)),
    random,
  )
  switch (type) {
    case 'background color':
    case 'count things':
      return { type }
    case 'count category':
      return { type, category: category! }
    case 'presence':
    case 'where is it':
      return { type, item }
    case 'what is where':
    case 'kind of thing':
      return { type, position: pick(POSITIONS, random) }
    case 'left of':
      return {
        type,
        item,
        other: pick(
          items.filter((one) => !mistakable(one, item)),
          random,
        ),
      }
    case 'more than':
      return { type, category: category!, other: otherCategory! }
  }
}

/** Draws scenes that hold what the answer needs until one has the answer. */
function sceneFor(question: Question, answer: string, items: readonly SceneItem[], random: UniformRandom): Scene {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const scene = drawScene(items, random, neededObjects(question, answer, items, random))
    if (answerOf(question, scene) === answer) return scene
  }
  throw new DataError(`No scene was found where "${questionText(question)}" is answered "${answer}".`)
}

/** What random scenes hold too rarely to wait for it. */
function neededObjects(
  question: Question,
  answer: string,
  items: readonly SceneItem[],
  random: UniformRandom,
): { item: SceneItem; position?: Position }[] {
  switch (question.type) {
    case 'presence':
      return answer === 'yes' ? [{ item: question.item }] : []
    case 'where is it':
      return [{ item: question.item }]
    case 'left of':
      return [{ item: question.item }, { item: question.other }]
    case 'what is where':
      return [{ item: items.find(({ label }) => label === answer)!, position: question.position }]
    case 'kind of thing':
      return [{ item: pick(ofCategory(items, answer), random), position: question.position }]
    case 'count category':
      return differentItems(ofCategory(items, question.category), Number(answer), random).map((item) => ({ item }))
    default:
      return []
  }
}

function ofCategory(items: readonly SceneItem[], category: string): SceneItem[] {
  return items.filter((item) => item.category === category)
}

/** Up to `count` items that cannot be taken for each other. */
function differentItems(items: readonly SceneItem[], count: number, random: UniformRandom): SceneItem[] {
  const chosen: SceneItem[] = []
  for (const item of shuffled(items, random)) {
    if (chosen.length < count && !chosen.some((other) => mistakable(item, other))) chosen.push(item)
  }
  return chosen
}

const MAX_ATTEMPTS = 20_000
