import { trainingConcepts } from '../../../src/data/emoji/concepts.js'
import type { EmojiData, EmojiPicture } from '../../../src/data/emoji/dataset.js'
import { PICTURE_BYTES, PICTURE_SIZE } from '../../../src/data/emoji/render.js'
import { sceneItems } from '../../../src/data/scenes/categories.js'
import { type SceneDrawings, sceneDrawings } from '../../../src/data/scenes/drawings.js'

const ARTISTS = ['noto', 'twemoji', 'openmoji', 'fluent-flat'] as const

/** Drawings of every thing of scenes by four artists: discs, each of a colour of its own, so nothing is rendered. */
export function fakeDrawings(
  change: (label: string, artist: string) => readonly [number, number, number] | undefined = colorOf,
): SceneDrawings {
  const pictures = sceneItems(trainingConcepts()).flatMap(({ label }) =>
    ARTISTS.flatMap((vendor) =>
      change(label, vendor) ? [{ vendor, captions: [label] } as unknown as EmojiPicture] : [],
    ),
  )
  const data: Pick<EmojiData, 'rgba' | 'split'> = {
    split: (name) => (name === 'train' ? pictures : []),
    rgba: ({ captions, vendor }) => disc(change(captions[0]!, vendor)!),
  }
  return sceneDrawings(data, 'train')
}

export function disc([red, green, blue]: readonly [number, number, number]): Uint8Array {
  const rgba = new Uint8Array(PICTURE_BYTES)
  const centre = PICTURE_SIZE / 2
  for (let y = 0; y < PICTURE_SIZE; y++)
    for (let x = 0; x < PICTURE_SIZE; x++)
      if (Math.hypot(x + 0.5 - centre, y + 0.5 - centre) < centre)
        rgba.set([red, green, blue, 255], (y * PICTURE_SIZE + x) * 4)
  return rgba
}

function colorOf(label: string, artist: string): readonly [number, number, number] {
  let hash = 7
  for (const char of `${label} ${artist}`) hash = (hash * 31 + char.charCodeAt(0)) % 16_777_213
  return [hash & 255, (hash >> 8) & 255, (hash >> 16) & 255]
}
