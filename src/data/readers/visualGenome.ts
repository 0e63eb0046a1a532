import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { type CaptionRecord, nonEmptyCaptions, type ReadOptions, toRecords } from './captionRecord.js'
import { checkEntry, jsonEntries } from './jsonEntries.js'

/** The two halves in which the pictures are distributed. */
const FOLDERS = ['VG_100K', 'VG_100K_2']

const imageSchema = z.object({ id: z.int(), regions: z.array(z.object({ phrase: z.string() })) })

/**
 * Reads Visual Genome's region_descriptions.json. As in BLIP and BLIP-2 the phrases of the regions are captions of the
 * whole picture; pictures without a phrase are left out.
 * @param images The folder that holds VG_100K/ and VG_100K_2/.
 */
export async function* readVisualGenome(
  file: string,
  images: string,
  options: ReadOptions = {},
): AsyncGenerator<CaptionRecord> {
  const secondHalf = await listSecondHalf(images)
  yield* toRecords(
    jsonEntries(file),
    ({ value, place }) => {
      const { id, regions } = checkEntry(imageSchema, value, place)
      if (regions.length === 0) return undefined
      const captions = nonEmptyCaptions(
        regions.map(({ phrase }) => phrase),
        place,
      )
      const name = `${id}.jpg`
      return { key: String(id), image: join(images, FOLDERS[secondHalf.has(name) ? 1 : 0]!, name), captions }
    },
    options,
  )
}

async function listSecondHalf(images: string): Promise<ReadonlySet<string>> {
  const folder = join(images, FOLDERS[1]!)
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot list ${folder} (${cause.code}); expected ${FOLDERS.join('/ and ')}/ in ${images}`, {
      cause,
    })
  })
  return new Set(names)
}
