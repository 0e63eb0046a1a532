import { type CaptionedPictures, emojiCaptions, sceneCaptions } from '../../data/captionedPictures.js'
import { openCaptionFolder } from '../../data/captionFolder.js'
import { loadEmojiData } from '../../data/emoji/dataset.js'
import { openMixturePictures } from '../../data/mixturePictures.js'
import { shardMixture } from '../../data/loader/dataSpec.js'
import { sceneSplitOf } from '../../data/scenes/sceneSet.js'
import { openTrainingScenes } from '../../data/scenes/trainingScenes.js'
import { defaultCacheDirectory } from '../../weights/cacheDirectory.js'
import type { RecipeOptions } from './recipe.js'

/** Pictures are kept larger than the encoder sees them, so that crops lose nothing. */
const SOURCE_SCALE = 5 / 3

const TOLD_EVERY = 1000

/**
 * Opens what `--data` names: 'emoji' is the embedded data set's train split, 'scenes:train' pictures of several drawings;
 * a mixture (.json), tar shards or a folder of them, such as CapFilt writes; anything else is a folder with captions.
 * Those from files may be more than memory holds: they are read when a step needs them.
 * @param imageSize Side of the pictures that the encoder sees.
 */
export async function trainingPictures(
  spec: string,
  imageSize: number,
  { cacheDir, onStatus, signal }: Pick<RecipeOptions, 'cacheDir' | 'onStatus' | 'signal'>,
): Promise<CaptionedPictures> {
  onStatus?.('opening the pictures ...')
  const split = sceneSplitOf(spec)
  if (split !== undefined) return sceneCaptions(await openTrainingScenes(split, { cacheDir, signal }))
  if (spec !== 'emoji') {
    const onProgress = (done: number) => {
      if (done % TOLD_EVERY === 0) onStatus?.(`opening the pictures: ${done} ...`)
    }
    const options = { side: Math.ceil(imageSize * SOURCE_SCALE), onProgress, ...(signal ? { signal } : {}) }
    const mixture = await shardMixture(spec)
    if (!mixture) return openCaptionFolder(spec, options)
    const onLoss = (name: string, error: Error) => onStatus?.(`skipped ${name}: ${error.message}`)
    return openMixturePictures(mixture, { ...options, cacheDir: cacheDir ?? defaultCacheDirectory(), onLoss })
  }
  const data = await loadEmojiData({
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(signal ? { signal } : {}),
  })
  const train = data.split('train')
  // Twice: pictures with a skin tone are half of all, but their names say little else that is new.
  return emojiCaptions(data, [...train, ...train.filter(({ base }) => base)])
}
