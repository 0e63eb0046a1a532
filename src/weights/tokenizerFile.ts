import { readFile } from 'node:fs/promises'
import { DataError } from '../errors.js'

/** The content of a tokenizer.json. @throws DataError for a file that is missing or no JSON. */
export async function readTokenizerFile(path: string): Promise<object> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as object
  } catch (cause) {
    throw new DataError(`cannot read the tokenizer ${path}: ${(cause as Error).message}; a model directory holds it`, {
      cause,
    })
  }
}
