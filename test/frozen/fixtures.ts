import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { madeUpT5Tokenizer } from '../../src/synth/madeUpTokenizer.js'
import { trainWordPiece } from '../../src/text/trainWordPiece.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { CAPTIONS } from '../tasks/tinyModel.js'

/** A tiny random model of transformers, see reference/frozen_models.py. */
export const frozenFixture = (name: 'clip' | 'vit' | 'opt' | 't5' | 'bert'): string =>
  fileURLToPath(new URL(`../fixtures/frozen/${name}`, import.meta.url))

/** What transformers computed with it. */
export async function expectedValues(name: Parameters<typeof frozenFixture>[0]) {
  await using file = await SafetensorsFile.open(join(frozenFixture(name), 'expected/values.safetensors'))
  const read = async (of: string) => ({ shape: file.tensor(of).shape, data: await file.readFloat32(of) })
  const integers = async (of: string) => ({ shape: file.tensor(of).shape, data: await file.readInt64(of) })
  if (name === 'clip' || name === 'vit') return { images: await read('images'), features: await read('features') }
  return { ids: await integers('ids'), logits: await read('logits') }
}

/** A copy of the T5 with the tokenizer that it lacks. */
export async function writeT5(directory: string): Promise<string> {
  await cp(frozenFixture('t5'), directory, { recursive: true })
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(madeUpT5Tokenizer(110)))
  return directory
}

/** A copy of the BERT with a vocabulary of its own, which has no [DEC]. */
export async function writeBert(directory: string): Promise<string> {
  await cp(frozenFixture('bert'), directory, { recursive: true })
  const json = trainWordPiece(CAPTIONS, { vocabularySize: 120, minCount: 1 })
  const { '[DEC]': _, ...vocab } = json.model.vocab as Record<string, number>
  const added = json.added_tokens.filter(({ content }) => content !== '[DEC]')
  const tokenizer = { ...json, added_tokens: added, model: { ...json.model, vocab } }
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer))
  return directory
}

export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY
  return Math.max(...Array.from(found, (value, i) => Math.abs(value - expected[i]!)))
}
