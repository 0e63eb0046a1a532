import type { EmojiData, EmojiPicture } from '../emoji/dataset.js'
import { PICTURE_SIZE } from '../emoji/render.js'
import { nonEmptyCaptions } from '../readers/captionRecord.js'
import type { Shard } from './shard.js'
import type { UnopenedPicture } from './shards.js'

/** Drawings of the embedded data set as one shard of PNG pictures. Positions are places in the list. */
export function emojiShard(name: string, data: EmojiData, drawings: readonly EmojiPicture[]): Shard<UnopenedPicture> {
  return {
    name,
    async *samples(from) {
      for (let i = from; i < drawings.length; i++) {
        const drawing = drawings[i]!
        const { id: key } = drawing
        const image = await png(data.rgba(drawing))
        const captions = nonEmptyCaptions(drawing.captions, key)
        yield { key, offset: i, next: i + 1, bytes: image.length, sample: () => ({ key, image, captions }) }
      }
    },
  }
}

async function png(rgba: Uint8Array): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  return sharp(rgba, { raw: { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 4 } })
    .png()
    .toBuffer()
}
