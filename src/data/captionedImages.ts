import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import { openByteSource } from './bytes/byteSource.js'
import { type CaptionedImage, readCocoCaptions } from './cocoCaptions.js'
import { readAnnotationList } from './readers/annotationList.js'
import type { CaptionRecord } from './readers/captionRecord.js'
import { readCaptionCsv, readCaptionLines } from './readers/captionTable.js'

const TABLES = {
  'captions.jsonl': readCaptionLines,
  'metadata.jsonl': readCaptionLines,
  'captions.csv': readCaptionCsv,
  'metadata.csv': readCaptionCsv,
} as const

/**
 * Reads a folder of pictures: with `captions.json` in COCO's format and the pictures in `images/`, or with `captions.json`
 * as a list (see readAnnotationList), `captions.jsonl` or `captions.csv` (also `metadata.*`, as Hugging Face calls them)
 * whose paths start from the folder. The first that is there is read. Several captions of one picture are joined; ids
 * number the pictures.
 *
 * @throws DataError with the file and line that is wrong, or where there is no list of captions.
 */
export async function readCaptionedImages(folder: string): Promise<CaptionedImage[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot open the folder ${folder}: ${cause.code}`, { cause })
  })
  const table = ['captions.json', ...Object.keys(TABLES)].find((name) => names.includes(name)) as Table | undefined
  if (table === undefined)
    throw new DataError(`${folder} holds no list of captions; expected captions.json, captions.jsonl or captions.csv`)
  const file = join(folder, table)
  if (table === 'captions.json' && !(await isList(file))) return readCocoCaptions(folder)
  const read = table === 'captions.json' ? readAnnotationList : TABLES[table]
  const images = await joined(read(file, folder))
  if (images.length === 0) throw new DataError(`${file} lists no picture`)
  return images
}

type Table = 'captions.json' | keyof typeof TABLES

/** Whether a JSON file begins as a list does; COCO's is an object. */
async function isList(file: string): Promise<boolean> {
  const source = openByteSource(file)
  const start = await source.read(0, Math.min(await source.size(), 64))
  return /^\s*\[/.test(new TextDecoder().decode(start))
}

async function joined(records: AsyncIterable<CaptionRecord>): Promise<CaptionedImage[]> {
  const captions = new Map<string, CaptionRecord['captions']>()
  for await (const { image, captions: more } of records) {
    const known = captions.get(image)
    captions.set(image, known ? [...known, ...more] : more)
  }
  return [...captions].map(([path, captions], id) => ({ id, path, captions }))
}
