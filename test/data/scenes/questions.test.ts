import { describe, expect, it } from 'vitest'
import { CATEGORY_PLURAL, type Category } from '../../../src/data/scenes/categories.js'
import { drawQuestionPair } from '../../../src/data/scenes/questionPairs.js'
import {
  type AnsweredQuestion,
  answerOf,
  QUESTION_TYPES,
  questionsOf,
  questionText,
} from '../../../src/data/scenes/questions.js'
import { seededUniform } from '../../../src/data/scenes/random.js'
import { drawScene, type Scene } from '../../../src/data/scenes/scene.js'
import { itemNamed, items, sceneOf } from './sceneFixtures.js'

const scene = sceneOf('blue', { 'top left': 'grapes', 'top right': 'dog', 'bottom left': 'cat' })

describe('questions about a scene', () => {
  it('are worded and answered', () => {
    const ask = (question: Parameters<typeof questionText>[0]) => [questionText(question), answerOf(question, scene)]
    expect(ask({ type: 'background color' })).toEqual(['what color is the background?', 'blue'])
    expect(ask({ type: 'count things' })).toEqual(['how many things are there?', '3'])
    expect(ask({ type: 'count category', category: 'animal' })).toEqual(['how many animals are there?', '2'])
    expect(ask({ type: 'count category', category: 'clothing' })).toEqual([
      'how many pieces of clothing are there?',
      '0',
    ])
    expect(ask({ type: 'presence', item: itemNamed('grapes') })).toEqual(['are there grapes?', 'yes'])
    expect(ask({ type: 'presence', item: itemNamed('violin') })).toEqual(['is there a violin?', 'no'])
    expect(ask({ type: 'what is where', position: 'top right' })).toEqual(['what is in the top right?', 'dog'])
    expect(ask({ type: 'where is it', item: itemNamed('grapes') })).toEqual(['where are the grapes?', 'top left'])
    expect(ask({ type: 'kind of thing', position: 'top left' })).toEqual([
      'what kind of thing is in the top left?',
      'food',
    ])
    expect(ask({ type: 'left of', item: itemNamed('grapes'), other: itemNamed('dog') })).toEqual([
      'are the grapes to the left of the dog?',
      'yes',
    ])
    expect(ask({ type: 'more than', category: 'food', other: 'animal' })).toEqual([
      'are there more food items than animals?',
      'no',
    ])
  })

  it('have no answer where they do not fit', () => {
    expect(answerOf({ type: 'what is where', position: 'bottom right' }, scene)).toBeUndefined()
    expect(answerOf({ type: 'where is it', item: itemNamed('violin') }, scene)).toBeUndefined()
    // One above the other, and a dog that is not said to be no guide dog.
    expect(answerOf({ type: 'left of', item: itemNamed('grapes'), other: itemNamed('cat') }, scene)).toBeUndefined()
    expect(answerOf({ type: 'presence', item: itemNamed('guide dog') }, scene)).toBeUndefined()
  })

  it('are true, for any scene', () => {
    const random = seededUniform(11)
    const seen = new Set<string>()
    for (let i = 0; i < 400; i++) {
      const drawn = drawScene(items, random)
      for (const asked of questionsOf(drawn, items, random)) {
        seen.add(asked.type)
        expect(asked.answer, `${asked.question} ${JSON.stringify(drawn)}`).toBe(readAnswer(asked, drawn))
      }
    }
    expect([...seen].sort()).toEqual([...QUESTION_TYPES].sort())
  })

  it('are answered yes about as often as no', () => {
    const random = seededUniform(12)
    const counts = { presence: { yes: 0, no: 0 }, 'left of': { yes: 0, no: 0 } }
    for (let i = 0; i < 1000; i++) {
      for (const { type, answer } of questionsOf(drawScene(items, random), items, random)) {
        if (type === 'presence' || type === 'left of') counts[type][answer as 'yes' | 'no']++
      }
    }
    for (const { yes, no } of Object.values(counts)) expect(Math.abs(yes - no) / (yes + no)).toBeLessThan(0.12)
  })
})

describe('question pairs', () => {
  it.each(QUESTION_TYPES)('%s: two pictures, two different true answers, none favoured', (type) => {
    const random = seededUniform(13)
    const first = new Map<string, number>()
    for (let i = 0; i < 200; i++) {
      const { question, scenes, answers } = drawQuestionPair(type, items, random)
      expect(answers[0]).not.toBe(answers[1])
      scenes.forEach((drawn, k) => {
        expect(readAnswer({ type, question, answer: '' }, drawn)).toBe(answers[k])
      })
      first.set(answers[0], (first.get(answers[0]) ?? 0) + 1)
    }
    const answersSeen = first.size
    expect(Math.max(...first.values()) / 200).toBeLessThan(1 / answersSeen + 0.12)
  })

  it('is given by its seed', () => {
    const draw = () => drawQuestionPair('where is it', items, seededUniform(4))
    expect(draw()).toEqual(draw())
  })
})

/** The answer read off the words of the question: another way than the one under test. */
function readAnswer({ type, question }: AnsweredQuestion, { background, objects }: Scene): string | undefined {
  const words = question.replace(/\?$/, '')
  const named = (phrase: string) => objects.find(({ item }) => item.label === phrase.replace(/^(an?|the) /, ''))
  const countOf = (plural: string) =>
    objects.filter(({ item }) => CATEGORY_PLURAL[item.category as Category] === plural).length
  const at = objects.find(({ position }) => words.endsWith(` in the ${position}`))
  switch (type) {
    case 'background color':
      return background
    case 'count things':
      return `${objects.length}`
    case 'count category':
      return `${countOf(words.slice('how many '.length, -' are there'.length))}`
    case 'presence':
      return named(words.replace(/^(is|are) there /, '')) ? 'yes' : 'no'
    case 'what is where':
      return at?.item.label
    case 'kind of thing':
      return at?.item.category
    case 'where is it':
      return named(words.replace(/^where (is|are) /, ''))?.position
    case 'left of': {
      const [a, b] = words.replace(/^(is|are) /, '').split(' to the left of ') as [string, string]
      return named(a)?.position.endsWith('left') && named(b)?.position.endsWith('right') ? 'yes' : 'no'
    }
    case 'more than': {
      const [a, b] = words.replace('are there more ', '').split(' than ') as [string, string]
      return countOf(a) > countOf(b) ? 'yes' : 'no'
    }
  }
}
