import { pictureBytes } from '../bytes/pictureBytes.js'
import type { DataItem, DataPlace } from '../dataItem.js'
import { isBrokenPicture } from '../loader/brokenPicture.js'
import type { Losses } from '../loader/losses.js'
import { type PictureMember, pictureMember } from './pictureMember.js'

/** An item that was opened: the picture, or undefined where it is broken. */
export interface OpenItem {
  readonly source: string
  readonly key: string
  readonly kind: 'sample' | 'shard'
  readonly next: DataPlace
  readonly fraction: number
  readonly picture: (PictureMember & { readonly captions: readonly [string, ...string[]] }) | undefined
}

/** Items opened at a time: addresses answer slowly. */
const AT_A_TIME = 16

/** Opens items in their order. What is broken is counted in `losses`, which stops where it is too much. */
export async function* openItems(
  items: AsyncIterable<DataItem>,
  losses: Losses,
  signal?: AbortSignal,
): AsyncGenerator<OpenItem> {
  let collected: DataItem[] = []
  const take = async () => {
    signal?.throwIfAborted()
    const opened = await Promise.all(collected.map((item) => openItem(item, signal)))
    collected = []
    return opened.map(({ error, ...one }) => {
      if (one.kind === 'shard') losses.shardBroken(one.key, error!)
      else if (error) losses.sampleBroken(`${one.source}: ${one.key}`, error)
      else losses.sampleRead()
      return one
    })
  }
  for await (const item of items) if (collected.push(item) === AT_A_TIME) yield* await take()
  if (collected.length > 0) yield* await take()
}

async function openItem(item: DataItem, signal?: AbortSignal): Promise<OpenItem & { readonly error?: Error }> {
  const { source, key, next, fraction, open, error } = item
  const place = { source, key, next, fraction }
  if (error) return { ...place, kind: 'shard', picture: undefined, error }
  try {
    const { image, captions } = open()
    const bytes = await pictureBytes(image, signal)
    return { ...place, kind: 'sample', picture: { ...(await pictureMember(bytes)), captions } }
  } catch (cause) {
    if (!isBrokenPicture(cause)) throw cause
    return { ...place, kind: 'sample', picture: undefined, error: cause }
  }
}
