import { createHash } from 'node:crypto'
import { squarePixels } from '../../data/captionFolder.js'
import { namesDirection } from '../../data/direction.js'
import { openTrainingScenes } from '../../data/scenes/trainingScenes.js'
import { type SceneSet, sceneSplitOf } from '../../data/scenes/sceneSet.js'
import { openVqaFolder } from '../../data/vqaFolder.js'
import { readVqaQuestions } from '../../eval/benchmarks/vqa.js'
import type { RgbaPicture } from '../../image/affineSampler.js'
import type { RecipeOptions } from '../recipes/recipe.js'

/** A question with its answers, one as often as people gave it. */
export interface TrainingQuestion {
  readonly question: string
  readonly answers: readonly string[]
}

/** Pictures with questions, as fine-tuning reads them: by number, in any order. */
export interface QuestionedPictures {
  readonly length: number
  picture(index: number): RgbaPicture
  /** Whether a mirrored picture still has the same answers. */
  mayMirror(index: number): boolean
  /** At least one. */
  questions(index: number): readonly TrainingQuestion[]
  /** Of all that is above, hexadecimal. */
  readonly fingerprint: string
}

/**
 * Opens what `--data` names: 'scenes:train', or a folder with questions.json and annotations.json (VQA v2),
 * captions.json (COCO) and images/.
 * @param side of the pictures that are kept of a folder, in pixels
 * @throws DataError for the scenes of another split, which are for evaluation
 */
export async function openQuestionedPictures(
  spec: string,
  side: number,
  { cacheDir, onStatus, signal }: Pick<RecipeOptions, 'cacheDir' | 'onStatus' | 'signal'>,
): Promise<QuestionedPictures> {
  onStatus?.('opening the pictures ...')
  const split = sceneSplitOf(spec)
  if (split === undefined) return folderQuestions(spec, side, signal)
  return sceneQuestions(await openTrainingScenes(split, { cacheDir, signal }))
}

export const sceneQuestions = (scenes: SceneSet): QuestionedPictures => ({
  length: scenes.length,
  picture: (index) => scenes.picture(index),
  mayMirror: () => false,
  questions: (index) => scenes.allQuestions(index).map(({ question, answer }) => ({ question, answers: [answer] })),
  fingerprint: scenes.fingerprint,
})

async function folderQuestions(folder: string, side: number, signal?: AbortSignal): Promise<QuestionedPictures> {
  const { questions, annotations, pictureOf } = await openVqaFolder(folder)
  const byPath = new Map<string, TrainingQuestion[]>()
  for (const { path, question, answers = [] } of await readVqaQuestions(questions, annotations, pictureOf)) {
    const asked = { question, answers: answers.map(({ answer }) => answer) }
    byPath.set(path, [...(byPath.get(path) ?? []), asked])
  }
  const hash = createHash('sha256')
  const pictures: { rgba: Uint8Array; questions: readonly TrainingQuestion[] }[] = []
  for (const [path, asked] of byPath) {
    signal?.throwIfAborted()
    const rgba = await squarePixels(path, side)
    hash.update(JSON.stringify(asked)).update(rgba)
    pictures.push({ rgba, questions: asked })
  }
  return {
    length: pictures.length,
    picture: (index) => ({ rgba: pictures[index]!.rgba, size: side }),
    mayMirror: (index) => !pictures[index]!.questions.some(saysDirection),
    questions: (index) => pictures[index]!.questions,
    fingerprint: hash.digest('hex'),
  }
}

const saysDirection = ({ question, answers }: TrainingQuestion): boolean => [question, ...answers].some(namesDirection)
