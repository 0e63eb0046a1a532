import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'
import type { TokenizerJson } from '../text/tokenizerJson.js'
import { OPT_SPECIAL_TOKENS, optTokenizerJson } from '../text/trainBpe.js'
import { readJsonFile } from '../weights/jsonFile.js'
import { readTokenizerFile } from '../weights/tokenizerFile.js'

/**
 * The tokenizer of a language model's directory: its tokenizer.json, or vocab.json and merges.txt, which is all that the
 * directories of facebook/opt-* have.
 *
 * @throws DataError where there is neither.
 */
export async function readLanguageTokenizer(path: string): Promise<TokenizerJson> {
  const vocabularyFile = join(path, 'vocab.json')
  const whole = join(path, 'tokenizer.json')
  const vocabulary = (await readJsonFile(whole)) === undefined ? await readJsonFile(vocabularyFile) : undefined
  if (vocabulary === undefined) return (await readTokenizerFile(whole)) as TokenizerJson
  return optTokenizerJson(tokensById(vocabulary, vocabularyFile), await readMerges(join(path, 'merges.txt')))
}

/** The tokens in the order of their ids, which leave no gap; OPT's special ones come first. */
function tokensById(json: unknown, file: string): string[] {
  const parsed = z.record(z.string(), z.int().nonnegative()).safeParse(json)
  if (!parsed.success) throw new DataError(`${file}: expected the id of each token`)
  const tokens: string[] = []
  for (const [token, id] of Object.entries(parsed.data)) tokens[id] = token
  const gap = Array.from(tokens).indexOf(undefined as never)
  if (gap >= 0) throw new DataError(`${file}: no token has the id ${gap}`)
  const wrong = OPT_SPECIAL_TOKENS.findIndex((token, id) => tokens[id] !== token)
  if (wrong >= 0)
    throw new DataError(
      `${file}: token ${wrong} is ${tokens[wrong]}, OPT's is ${OPT_SPECIAL_TOKENS[wrong]}; give a directory with a tokenizer.json`,
    )
  return tokens
}

/** Pairs of symbols, the first merged first; a comment names the version. */
async function readMerges(file: string): Promise<[string, string][]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DataError(`cannot read ${file}, which belongs to vocab.json`, { cause })
  })
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#version'))
  return lines.map((line, i) => {
    const [left, right, ...others] = line.trimEnd().split(' ')
    if (left && right && others.length === 0) return [left, right]
    throw new DataError(`${file}: merge ${i + 1} is ${JSON.stringify(line)}; expected two symbols`)
  })
}
