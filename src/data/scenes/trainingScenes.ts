import { DataError } from '../../errors.js'
import { loadSceneDrawings } from './drawings.js'
import { SCENES, SceneSet, type SceneSplit } from './sceneSet.js'

/** Scenes of an epoch; each is drawn when it is needed. */
const COUNT = 200_000

export interface TrainingScenesOptions {
  readonly cacheDir?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** The scenes to train on. @throws DataError for another split than `train`: those are for evaluation */
export async function openTrainingScenes(
  split: SceneSplit,
  { cacheDir, signal }: TrainingScenesOptions,
): Promise<SceneSet> {
  if (split !== 'train') throw new DataError(`${SCENES}${split} is for evaluation; train on ${SCENES}train`)
  const drawings = await loadSceneDrawings('train', {
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(signal ? { signal } : {}),
  })
  return new SceneSet(drawings, { split, count: COUNT })
}
