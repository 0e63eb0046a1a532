import { readCocoCaptions } from '../data/cocoCaptions.js'
import { type EmojiData, type EmojiPicture, type LoadEmojiOptions, loadEmojiData } from '../data/emoji/dataset.js'
import { PICTURE_SIZE } from '../data/emoji/render.js'
import { EMOJI_SPLITS, type EmojiSplit } from '../data/emoji/splits.js'
import { type SceneSet, sceneSplitOf } from '../data/scenes/sceneSet.js'
import { ConfigError, DataError } from '../errors.js'
import type { ImageSource } from '../image/decode.js'
import { type BenchmarkFiles, openBenchmark } from './benchmarks/benchmarks.js'
import { type NearestNeighbourRecall, nearestNeighbourRecall } from './nearestNeighbour.js'
import { pixelVectors } from './pixelVectors.js'
import { openScenes, sceneImage } from './questionSet.js'

export interface EvaluationPicture {
  readonly id: string
  readonly image: ImageSource
  /** Right answers. */
  readonly captions: readonly string[]
  /** For emoji: whether it has no skin tone. */
  readonly base?: boolean
  /** For emoji whose drawing it is, for NoCaps the domain. */
  readonly style?: string
}

export interface EvaluationSet {
  /** As given: "emoji:test-style", "scenes:test" or the folder. */
  readonly name: string
  readonly pictures: readonly EvaluationPicture[]
  /**
   * Retrieval takes each caption for itself, right for its own picture alone, as benchmarks do. Default false: captions
   * that read the same are one, right for each of their pictures.
   */
  readonly captionsApart?: boolean
  /** For emoji: how many base pictures the nearest drawing of the training vendors names, by raw 16 x 16 pixels. */
  readonly pixelFloor?: () => NearestNeighbourRecall
}

const EMOJI = 'emoji:'

/**
 * Opens `emoji:SPLIT`, `scenes:SPLIT` or a COCO-captions folder.
 *
 * @throws DataError for an unknown split, an empty one, or a folder that is not right.
 */
export async function openEvaluationSet(
  name: string,
  options: Pick<LoadEmojiOptions, 'cacheDir' | 'onProgress' | 'signal'> = {},
): Promise<EvaluationSet> {
  const scenes = sceneSplitOf(name)
  if (scenes !== undefined) return { name, pictures: scenePictures(await openScenes(scenes, options)) }
  if (!name.startsWith(EMOJI)) {
    const images = await readCocoCaptions(name)
    return { name, pictures: images.map(({ id, path, captions }) => ({ id: String(id), image: path, captions })) }
  }
  const split = splitOf(name)
  const data = await loadEmojiData(options)
  const pictures = data.split(split)
  if (pictures.length === 0) throw new DataError(`no picture of the ten vendors is in the split ${split}`)
  return {
    name,
    pictures: pictures.map((picture) => ({
      id: picture.id,
      image: rawImage(data, picture),
      captions: picture.captions,
      base: picture.base,
      style: picture.vendor,
    })),
    pixelFloor: () => pixelFloor(data, split),
  }
}

/**
 * Opens a captioning or retrieval benchmark as a set.
 *
 * @throws ConfigError for a benchmark of questions, and what `openBenchmark` throws.
 */
export async function openBenchmarkSet(name: string, files: BenchmarkFiles): Promise<EvaluationSet> {
  const benchmark = await openBenchmark(name, files)
  if (benchmark.task === 'vqa')
    throw new ConfigError(`${name} is a benchmark of questions; expected one of pictures with captions`)
  return {
    name,
    captionsApart: true,
    pictures: benchmark.pictures.map(({ id, path, captions, domain }) => ({
      id: String(id),
      image: path,
      captions,
      ...(domain === undefined ? {} : { style: domain }),
    })),
  }
}

/** `count` pictures spread evenly over the set; all of them where it has no more. */
export function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (count >= items.length) return items
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!)
}

const scenePictures = (scenes: SceneSet): EvaluationPicture[] =>
  Array.from({ length: scenes.length }, (_, index) => ({
    id: String(index + 1),
    image: sceneImage(scenes, index),
    captions: scenes.captions(index),
  }))

function splitOf(name: string): EmojiSplit {
  const split = EMOJI_SPLITS.find((known) => known === name.slice(EMOJI.length))
  if (split === undefined)
    throw new DataError(`${name}: there is no such split; expected emoji: and one of ${EMOJI_SPLITS.join(', ')}`)
  return split
}

const rawImage = (data: EmojiData, picture: EmojiPicture) =>
  ({ data: data.rgba(picture), width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 4 }) as const

function pixelFloor(data: EmojiData, split: EmojiSplit): NearestNeighbourRecall {
  const vectors = (name: EmojiSplit) =>
    pixelVectors(
      data
        .split(name)
        .filter(({ base }) => base)
        .map((picture) => ({
          picture: { rgba: data.rgba(picture), size: PICTURE_SIZE },
          captions: picture.captions,
        })),
    )
  return nearestNeighbourRecall(vectors(split), vectors('train'))
}
