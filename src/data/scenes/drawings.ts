import { createHash } from 'node:crypto'
import { DataError } from '../../errors.js'
import type { RgbaPicture } from '../../image/affineSampler.js'
import { trainingConcepts } from '../emoji/concepts.js'
import { type EmojiData, type EmojiPicture, type LoadEmojiOptions, loadEmojiData } from '../emoji/dataset.js'
import { PICTURE_SIZE } from '../emoji/render.js'
import { type SceneItem, sceneItems } from './categories.js'
import { BACKGROUND_COLOR_NAMES, BACKGROUND_COLORS, type BackgroundColor } from './colors.js'

/** Whose drawings stand in a scene: those of the artists that models are trained on, or of artists never seen. */
export type SceneStyle = 'train' | 'test-style'

/** What scenes are made of. */
export interface SceneDrawings {
  readonly items: readonly SceneItem[]
  /** Drawings of an item that stand out from a ground, at least one. @throws DataError for an item not of these. */
  readonly of: (item: SceneItem, ground: BackgroundColor) => readonly RgbaPicture[]
  /** Of the items and their pixels, hexadecimal: two sets with the same one give the same scenes. */
  readonly fingerprint: string
}

/** An item that fewer of the training artists drew is left out: whoever learns it should meet several drawings. */
const LEAST_ARTISTS = 4
/** An item is shown on at least this many of the eleven grounds, so that any four items have one in common. */
const LEAST_GROUNDS = 9
/** The official VQA evaluation writes such words as digits in a model's answers, and not in the right ones. */
const NUMBER_WORD = /\b(one|two)\b/

/** Opens the drawings of a style, rendering the emoji data set on first use. @throws DataError without its packages */
export async function loadSceneDrawings(
  style: SceneStyle,
  options: Pick<LoadEmojiOptions, 'cacheDir' | 'onProgress' | 'signal'> = {},
): Promise<SceneDrawings> {
  return sceneDrawings(await loadEmojiData(options), style)
}

/** The same from an open data set. */
export function sceneDrawings(data: Pick<EmojiData, 'rgba' | 'split'>, style: SceneStyle): SceneDrawings {
  const trained = byCaption(data.split('train'))
  const shown = style === 'train' ? trained : byCaption(data.split(style))
  const hash = createHash('sha256')
  const drawings = new Map<string, Map<BackgroundColor, RgbaPicture[]>>()
  const items: SceneItem[] = []
  for (const item of sceneItems(trainingConcepts())) {
    const artists = new Set(trained.get(item.label)?.map(({ vendor }) => vendor))
    const pictures = (shown.get(item.label) ?? []).map((picture) => ({ rgba: data.rgba(picture), size: PICTURE_SIZE }))
    if (artists.size < LEAST_ARTISTS || pictures.length === 0 || NUMBER_WORD.test(item.label)) continue
    const byGround = standingOut(pictures)
    drawings.set(item.label, byGround)
    items.push({ ...item, grounds: [...byGround.keys()] })
    hash.update(item.label)
    for (const { rgba } of pictures) hash.update(rgba)
  }
  return {
    items,
    of: ({ label }, ground) => {
      const found = drawings.get(label)?.get(ground)
      if (!found) throw new DataError(`no drawing of "${label}" stands out from ${ground}; expected one of the items`)
      return found
    },
    fingerprint: hash.digest('hex'),
  }
}

function byCaption(pictures: readonly EmojiPicture[]): Map<string, EmojiPicture[]> {
  const found = new Map<string, EmojiPicture[]>()
  for (const picture of pictures)
    for (const caption of picture.captions) {
      const known = found.get(caption)
      if (known) known.push(picture)
      else found.set(caption, [picture])
    }
  return found
}

/** Part of a drawing's pixels that must differ from the ground for it to stand out. */
const LEAST_CONTRAST = 0.6

/** For each ground the drawings that stand out from it; the best one where none does and grounds would be too few. */
function standingOut(pictures: readonly RgbaPicture[]): Map<BackgroundColor, RgbaPicture[]> {
  const contrasts = pictures.map(({ rgba }) => groundContrasts(rgba))
  const grounds = BACKGROUND_COLOR_NAMES.map((ground) => ({
    ground,
    best: Math.max(...contrasts.map((contrast) => contrast[ground])),
  }))
  const kept = grounds
    .toSorted((a, b) => b.best - a.best)
    .filter(({ best }, i) => i < LEAST_GROUNDS || best >= LEAST_CONTRAST)
  return new Map(
    kept.map(({ ground, best }) => {
      const enough = Math.min(best, LEAST_CONTRAST)
      return [ground, pictures.filter((_, i) => contrasts[i]![ground] >= enough)]
    }),
  )
}

/** Distance in sRGB, of 441 at most, from which two colours are told apart. */
const DISTINCT = 70
/** Every so many pixels are looked at. */
const STRIDE = 7

/** The part of a drawing's opaque pixels that differ from each ground. rgba: straight alpha */
function groundContrasts(rgba: Uint8Array): Record<BackgroundColor, number> {
  const differing = BACKGROUND_COLOR_NAMES.map(() => 0)
  let opaque = 0
  for (let i = 0; i < rgba.length; i += 4 * STRIDE) {
    if (rgba[i + 3]! < 128) continue
    opaque++
    BACKGROUND_COLOR_NAMES.forEach((name, k) => {
      const [red, green, blue] = BACKGROUND_COLORS[name]
      if (Math.hypot(rgba[i]! - red, rgba[i + 1]! - green, rgba[i + 2]! - blue) > DISTINCT) differing[k]!++
    })
  }
  const contrasts = BACKGROUND_COLOR_NAMES.map((name, k) => [name, differing[k]! / Math.max(1, opaque)])
  return Object.fromEntries(contrasts) as Record<BackgroundColor, number>
}
