import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../errors.js'
import type { DataItem } from '../dataItem.js'
import { Losses, type LossLimits } from '../loader/losses.js'
import type { ConvertResult } from './convertToShards.js'
import { openItems } from './openItems.js'

export interface ConvertToFolderOptions extends LossLimits {
  readonly onProgress?: (pictures: number, fraction: number) => void
  readonly signal?: AbortSignal
}

/**
 * Writes a data set as a folder in COCO's format: captions.json, and the pictures in images/. For sets whose captions fit
 * in memory. It appears under its name when it is whole.
 *
 * @throws ConfigError where there is something of that name; DataError where more is broken than the limits allow.
 */
export async function convertToFolder(
  items: AsyncIterable<DataItem>,
  folder: string,
  options: ConvertToFolderOptions,
): Promise<ConvertResult> {
  const { onProgress, signal } = options
  if (await exists(folder)) throw new ConfigError(`${folder} is there already; give another name`)
  const temporary = `${folder}.${process.pid}.tmp`
  const losses = new Losses(options)
  const images: { id: number; file_name: string; width: number; height: number }[] = []
  const annotations: { id: number; image_id: number; caption: string }[] = []
  try {
    await mkdir(join(temporary, 'images'), { recursive: true })
    for await (const { picture, fraction } of openItems(items, losses, signal)) {
      if (!picture) continue
      const { bytes, suffix, width, height, captions } = picture
      const id = images.length + 1
      const file_name = `${String(id).padStart(9, '0')}.${suffix}`
      await writeFile(join(temporary, 'images', file_name), bytes)
      images.push({ id, file_name, width, height })
      for (const caption of captions) annotations.push({ id: annotations.length + 1, image_id: id, caption })
      onProgress?.(images.length, fraction)
    }
    await writeFile(join(temporary, 'captions.json'), JSON.stringify({ images, annotations }))
    await rename(temporary, folder)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return { shards: 0, pictures: images.length, losses: losses.counts }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
