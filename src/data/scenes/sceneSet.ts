import { ConfigError, DataError } from '../../errors.js'
import type { RgbaPicture } from '../../image/affineSampler.js'
import type { SceneDrawings, SceneStyle } from './drawings.js'
import { describeScene } from './grammar.js'
import { drawQuestionPair, type QuestionPair } from './questionPairs.js'
import { type AnsweredQuestion, QUESTION_TYPES, questionsOf } from './questions.js'
import { namedUniform } from './random.js'
import { HARD_LAYOUT, PLAIN_LAYOUT, renderScene, type SceneLayout } from './renderScene.js'
import type { Scene } from './scene.js'

/**
 * `train`, `val` and `test` differ in their scenes, which are drawn apart; the artists are the same. `hard` has other
 * artists, things of all sizes, and things that cover each other.
 */
export const SCENE_SPLITS = ['train', 'val', 'test', 'hard'] as const
export type SceneSplit = (typeof SCENE_SPLITS)[number]

/** How a command names the scenes of a split: 'scenes:test'. */
export const SCENES = 'scenes:'

/** The split that "scenes:SPLIT" names; undefined where the spec is none of scenes. @throws DataError for no split */
export function sceneSplitOf(spec: string): SceneSplit | undefined {
  if (!spec.startsWith(SCENES)) return undefined
  const split = SCENE_SPLITS.find((known) => known === spec.slice(SCENES.length))
  if (split === undefined)
    throw new DataError(`${spec}: there is no such split; expected ${SCENES} and one of ${SCENE_SPLITS.join(', ')}`)
  return split
}

/** Whose drawings the scenes of a split show. */
export const sceneStyle = (split: SceneSplit): SceneStyle => (split === 'hard' ? 'test-style' : 'train')

/** Side of a scene in pixels, where nothing else is asked for: each quadrant is as large as a picture of models/emoji. */
export const SCENE_SIZE = 96

export interface SceneSetOptions {
  readonly split: SceneSplit
  readonly count: number
  /** Default 0. */
  readonly seed?: number
  /** Default `SCENE_SIZE`. */
  readonly size?: number
}

/**
 * Scenes by number, each drawn when it is asked for: a function of split, seed and number alone. Scenes 2n and 2n + 1
 * are complementary: one question has another answer for each. Types of questions take turns, and within a type each
 * answer is as likely as any other.
 */
export class SceneSet {
  readonly length: number
  readonly size: number
  readonly split: SceneSplit
  readonly drawings: SceneDrawings
  readonly #layout: SceneLayout
  readonly #seed: number
  #latest: { readonly number: number; readonly pair: QuestionPair } | undefined

  constructor(drawings: SceneDrawings, { split, count, seed = 0, size = SCENE_SIZE }: SceneSetOptions) {
    if (!Number.isInteger(count) || count < 2 || count % 2 !== 0)
      throw new ConfigError(`scenes come in complementary pairs: expected an even number of them, got ${count}`)
    this.drawings = drawings
    this.length = count
    this.size = size
    this.split = split
    this.#layout = split === 'hard' ? HARD_LAYOUT : PLAIN_LAYOUT
    this.#seed = seed
  }

  /** Says which scenes these are: two sets with the same one are alike. */
  get fingerprint(): string {
    return [this.drawings.fingerprint, this.split, this.#seed, this.length, this.size].join(' ')
  }

  scene(index: number): Scene {
    return this.#pair(index).scenes[index % 2]!
  }

  /** Captions that are true of the scene, the fullest last. */
  captions(index: number): string[] {
    return describeScene(this.scene(index))
  }

  /** The question that the complementary scene answers differently. */
  question(index: number): AnsweredQuestion {
    const { type, question, answers } = this.#pair(index)
    return { type, question, answer: plainAnswer(answers[index % 2]!) }
  }

  /**
   * Questions for training, where the ones of a picture share the work of seeing it: `question`, then one of each other
   * type that fits, and what is at every other place.
   */
  allQuestions(index: number): AnsweredQuestion[] {
    const first = this.question(index)
    const scene = this.scene(index)
    const random = this.#random('questions', index)
    const named = scene.objects.map(({ item, position }) => ({
      type: 'what is where' as const,
      question: `what is in the ${position}?`,
      answer: item.label,
    }))
    const others = [...questionsOf(scene, this.drawings.items, random), ...named]
    const known = new Set([first.question])
    const fresh = others.filter(({ question }) => !known.has(question) && known.add(question))
    return [first, ...fresh.map(({ answer, ...rest }) => ({ ...rest, answer: plainAnswer(answer) }))]
  }

  /** -> opaque, size x size */
  picture(index: number): RgbaPicture {
    return renderScene(this.scene(index), this.drawings, this.#layout, this.size, this.#random('picture', index))
  }

  #pair(index: number): QuestionPair {
    const number = Math.floor(index / 2)
    if (this.#latest?.number !== number) {
      const type = QUESTION_TYPES[number % QUESTION_TYPES.length]!
      this.#latest = { number, pair: drawQuestionPair(type, this.drawings.items, this.#random('pair', number)) }
    }
    return this.#latest.pair
  }

  #random(purpose: string, number: number) {
    return namedUniform(this.#seed, `${this.split}/${purpose}/${number}`)
  }
}

/** As the official VQA evaluation compares answers: it turns the hyphens of a model's answer into spaces. */
const plainAnswer = (answer: string): string => answer.replaceAll('-', ' ')
