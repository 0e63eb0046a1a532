import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'

const count = z.int().positive()
const vector = z.array(z.number()).readonly()
const settingsSchema = z.object({
  format: z.literal('blip2-index'),
  version: z.literal(1),
  /** Directory or hub id of the model, as it was given; for messages and as the default of a search. */
  model: z.string(),
  probe: z.object({ queries: count, width: count, picture: vector, text: vector }),
})

/** The index.json of an index: which model its vectors come from. */
export type IndexSettings = z.infer<typeof settingsSchema>

const FILE = 'index.json'

/** @throws DataError where the folder is no index, or one of a later version. */
export async function readIndexSettings(folder: string): Promise<IndexSettings> {
  const path = join(folder, FILE)
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(
      `${folder} is not a picture index (${cause.code}); make one with "blip2 index photos/ --out ${folder}"`,
      { cause },
    )
  })
  try {
    return settingsSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new DataError(`${path} is not the index.json of a picture index of version 1`, { cause })
  }
}

export const writeIndexSettings = (folder: string, settings: IndexSettings): Promise<void> =>
  writeFile(join(folder, FILE), `${JSON.stringify(settings)}\n`)
