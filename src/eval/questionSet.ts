import { existsSync } from 'node:fs'
import type { LoadEmojiOptions } from '../data/emoji/dataset.js'
import { loadSceneDrawings } from '../data/scenes/drawings.js'
import { SCENES, SceneSet, type SceneSplit, sceneSplitOf, sceneStyle } from '../data/scenes/sceneSet.js'
import { answerType, tenAnswers } from '../data/scenes/vqaFormat.js'
import { openVqaFolder } from '../data/vqaFolder.js'
import { DataError } from '../errors.js'
import type { ImageSource } from '../image/decode.js'
import type { BenchmarkQuestion } from './benchmarks/items.js'
import { readVqaQuestions } from './benchmarks/vqa.js'
import type { AnsweredByPeople } from './questionOnly.js'

/** Questions about pictures, which are scored by the VQA v2 rule. */
export interface QuestionSet {
  /** As given: "scenes:test" or the folder. */
  readonly name: string
  readonly questions: readonly BenchmarkQuestion[]
  /** Other questions of the kind, for the baseline that sees no picture; absent where there are none. */
  readonly known?: readonly AnsweredByPeople[]
}

/** Pictures of a split, each with one question; the training split has no end, and this is a part of it. */
export const SCENE_COUNTS: Readonly<Record<SceneSplit, number>> = { train: 2000, val: 1000, test: 2000, hard: 2000 }
/** Questions of the training split that the baseline learns from. */
const KNOWN = 9000

type OpenOptions = Pick<LoadEmojiOptions, 'cacheDir' | 'onProgress' | 'signal'>

/**
 * Opens `scenes:SPLIT`, or a folder that `blip2 data scenes` wrote or that has its files.
 *
 * @throws DataError for an unknown split, or a folder that is not right
 */
export async function openQuestionSet(name: string, options: OpenOptions = {}): Promise<QuestionSet> {
  const split = sceneSplitOf(name)
  if (split === undefined) {
    if (/^[a-z]+:/.test(name) && !existsSync(name))
      throw new DataError(
        `${name} names no set of questions; expected ${SCENES}SPLIT, or a folder with questions.json, annotations.json, captions.json and images/`,
      )
    const { questions, annotations, pictureOf } = await openVqaFolder(name)
    return { name, questions: await readVqaQuestions(questions, annotations, pictureOf) }
  }
  const scenes = await openScenes(split, options)
  const known = new SceneSet(scenes.drawings, { split: 'train', count: KNOWN })
  return {
    name,
    questions: Array.from({ length: scenes.length }, (_, index) => sceneQuestion(scenes, index)),
    known: Array.from({ length: known.length }, (_, index) => asAnswered(known, index)),
  }
}

/** The scenes that a split is evaluated on. */
export async function openScenes(split: SceneSplit, options: OpenOptions): Promise<SceneSet> {
  return new SceneSet(await loadSceneDrawings(sceneStyle(split), options), { split, count: SCENE_COUNTS[split] })
}

/** A scene as a picture that is decoded already. */
export function sceneImage(scenes: SceneSet, index: number): ImageSource {
  const { rgba, size } = scenes.picture(index)
  return { data: rgba, width: size, height: size, channels: 4 }
}

const sceneQuestion = (scenes: SceneSet, index: number): BenchmarkQuestion => ({
  id: index + 1,
  path: `${SCENES}${scenes.split}/${index + 1}`,
  image: sceneImage(scenes, index),
  ...asAnswered(scenes, index),
})

function asAnswered(scenes: SceneSet, index: number) {
  const { type, question, answer } = scenes.question(index)
  return { question, answers: tenAnswers(answer), questionType: type, answerType: answerType(type) }
}
