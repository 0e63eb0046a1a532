import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import { type CaptionedImage, readCocoCaptions } from './cocoCaptions.js'
import type { CaptionRecord } from './readers/captionRecord.js'
import { readCaptionCsv, readCaptionLines } from './readers/captionTable.js'

const TABLES = {
  'captions.jsonl': readCaptionLines,
  'metadata.jsonl': readCaptionLines,
  'captions.csv': readCaptionCsv,
  'metadata.csv': readCaptionCsv,
} as const

/**
 * Reads a folder of pictures: with `captions.json` in COCO's format and the pictures in `images/`, or with
 * `captions.jsonl` or `captions.csv` (also `metadata.*`, as Hugging Face calls them) whose paths start from the folder.
 * The first that is there is read. Several captions of one picture are joined; ids number the pictures.
 *
 * @throws DataError with the file and line that is wrong, or where there is no list of captions.
 */
export async function readCaptionedImages(folder: string): Promise<CaptionedImage[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot open the folder ${folder}: ${cause.code}`, { cause })
  })
  if (names.includes('captions.json')) return readCocoCaptions(folder)
  const table = (Object.keys(TABLES) as (keyof typeof TABLES)[]).find((name) => names.includes(name))
  if (table === undefined)
    throw new DataError(`${folder} holds no list of captions; expected captions.json, captions.jsonl or captions.csv`)
  const images = await joined(TABLES[table](join(folder, table), folder))
  if (images.length === 0) throw new DataError(`${join(folder, table)} lists no picture`)
  return images
}

async function joined(records: AsyncIterable<CaptionRecord>): Promise<CaptionedImage[]> {
  const captions = new Map<string, CaptionRecord['captions']>()
  for await (const { image, captions: more } of records) {
    const known = captions.get(image)
    captions.set(image, known ? [...known, ...more] : more)
  }
  return [...captions].map(([path, captions], id) => ({ id, path, captions }))
}
