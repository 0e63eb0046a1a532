import { type Blip2Error, DataError } from '../errors.js'
import { openByteSource } from './bytes/byteSource.js'
import type { FilePart, PicturePlace } from './bytes/pictureBytes.js'
import { EXAMINED_AT_A_TIME, examinePicture } from './examinedPicture.js'
import { isBrokenPicture } from './loader/brokenPicture.js'
import type { Shard } from './loader/shard.js'
import { type ShardItem, shardItems } from './loader/shardItems.js'
import type { UnopenedPicture } from './loader/shards.js'
import { mapAhead } from './mapAhead.js'
import type { EncodedPicture } from './webdataset/captionedSample.js'
import { isPacked } from './webdataset/samples.js'

/** A picture that can be trained on, or an error; without a key it is the shard's, whose rest cannot be read. */
export type ExaminedItem = ExaminedSample | BrokenItem

export interface ExaminedSample {
  readonly key: string
  /** Of a plain archive where the file is, of a packed one its bytes. */
  readonly place: PicturePlace
  readonly captions: readonly string[]
  /** SHA-256 of the file. */
  readonly digest: Buffer
  readonly error?: never
}

export interface BrokenItem {
  readonly key?: string
  readonly error: Blip2Error
}

/** Reads a shard and examines each of its pictures, in their order; see examinePicture. */
export async function* examineShard(shard: Shard<UnopenedPicture>, signal?: AbortSignal): AsyncGenerator<ExaminedItem> {
  let packed: boolean | undefined
  for await (const item of mapAhead(shardItems(shard, 0, signal), EXAMINED_AT_A_TIME, (one) => examine(one, signal))) {
    if (item.error) yield item
    else {
      const { key, captions, image, imageStart, digest } = item
      const isMember = imageStart !== undefined
      packed ??= isMember && (await isPacked(openByteSource(shard.name, signal)))
      yield { key, captions, digest, place: isMember && !packed ? partOf(shard.name, imageStart, image) : image }
    }
  }
}

type Examined = (EncodedPicture & { readonly digest: Buffer; readonly error?: never }) | BrokenItem

async function examine({ sample, error }: ShardItem<UnopenedPicture>, signal?: AbortSignal): Promise<Examined> {
  if (error) return { error }
  const { key } = sample
  try {
    const picture = sample.sample()
    return { ...picture, key, digest: await examinePicture(picture.image, signal) }
  } catch (cause) {
    if (!isBrokenPicture(cause)) throw cause
    return { key, error: cause }
  }
}

/** Of a member of an archive, only where it is: nothing of it stays in memory. */
function partOf(location: string, start: number, image: EncodedPicture['image']): FilePart {
  if (typeof image === 'string') throw new DataError(`${location} holds a path where a picture is expected: ${image}`)
  return { location, start, end: start + image.length }
}
