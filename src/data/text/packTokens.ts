import type { Tokenizer } from '../../text/tokenizer.js'
import { seededUniform, shuffled } from '../scenes/random.js'
import type { TextDocument } from './corpus.js'

/** Blocks of token ids for a language model, row by row of shape [blocks, length]. */
export interface TokenBlocks {
  tokens: Int32Array
  shape: [blocks: number, length: number]
}

export interface PackedTokens {
  training: TokenBlocks
  /** About one in 50 dictionary, novel and scene documents, chosen by a hash of the text: the same for any seed. */
  validation: TokenBlocks
}

export interface PackTokensOptions {
  /** Tokens in a block. */
  length: number
  /** Orders the documents. */
  seed: number
}

/**
 * Turns documents into blocks without padding: each begins with the tokenizer's leading token (`</s>` for OPT), and so
 * does its context. They follow one another in random order, blocks are cut from the row, and the last incomplete block is dropped. Captions
 * and questions of single drawings are never validation: the model needs all their names.
 */
export function packTokens(
  documents: readonly TextDocument[],
  tokenizer: Tokenizer,
  { length, seed }: PackTokensOptions,
): PackedTokens {
  const order = shuffled(documents, seededUniform(seed))
  return {
    training: pack(
      order.filter((document) => !isValidation(document)),
      tokenizer,
      length,
    ),
    validation: pack(order.filter(isValidation), tokenizer, length),
  }
}

function pack(documents: readonly TextDocument[], tokenizer: Tokenizer, length: number): TokenBlocks {
  const row = documents.flatMap(({ context, text }) => [
    ...(context === undefined ? [] : tokenizer.encode(context)),
    ...tokenizer.encode(text),
  ])
  const blocks = Math.floor(row.length / length)
  return { tokens: Int32Array.from(row.slice(0, blocks * length)), shape: [blocks, length] }
}

const ONE_IN = 50

function isValidation({ source, text }: TextDocument): boolean {
  return source !== 'captions' && source !== 'questions' && fnv1a(text) % ONE_IN === 0
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
