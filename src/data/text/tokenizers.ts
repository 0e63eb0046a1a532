import type { TokenizerJson } from '../../text/tokenizerJson.js'
import { trainBpe } from '../../text/trainBpe.js'
import { trainWordPiece } from '../../text/trainWordPiece.js'
import type { TextDocument, TextSource } from './corpus.js'

export interface TrainTokenizersOptions {
  /** What both learn from: `languageCorpus(...)`. */
  corpus: readonly TextDocument[]
  /** Tokens of the Q-Former's WordPiece vocabulary. Default 2,000. */
  wordPieceSize?: number
  /** Tokens of the language model's byte-level BPE. Default 2,048. */
  bpeSize?: number
}

/**
 * The two tokenizers of a model trained on the embedded data, as tokenizer.json objects. The Q-Former reads captions
 * only, so WordPiece is trained on captions, questions and scenes. The language model's BPE also sees a quarter of the
 * dictionary and the novel, with captions and questions four times: at 2,048 tokens that cuts a caption into 6.1 tokens
 * where the corpus as it stands gives 6.8.
 */
export function trainTokenizers({ corpus, wordPieceSize = 2000, bpeSize = 2048 }: TrainTokenizersOptions): {
  wordPiece: TokenizerJson
  bpe: TokenizerJson
} {
  return {
    wordPiece: trainWordPiece(weighted(corpus, WORD_PIECE_WEIGHTS), { vocabularySize: wordPieceSize }),
    bpe: trainBpe(weighted(corpus, BPE_WEIGHTS), { vocabularySize: bpeSize }),
  }
}

/** How many times each document counts; 1/4 takes every fourth document. */
type Weights = Readonly<Record<TextSource, number>>

const WORD_PIECE_WEIGHTS: Weights = { dictionary: 0, novel: 0, captions: 1, questions: 1, scenes: 1, recall: 0 }
const BPE_WEIGHTS: Weights = { dictionary: 1 / 4, novel: 1 / 4, captions: 4, questions: 4, scenes: 1, recall: 0 }

function* weighted(corpus: readonly TextDocument[], weights: Weights): Generator<string> {
  const due: Record<TextSource, number> = { dictionary: 0, novel: 0, captions: 0, questions: 0, scenes: 0, recall: 0 }
  for (const { source, text } of corpus) {
    for (due[source] += weights[source]; due[source] >= 1; due[source]--) yield text
  }
}
