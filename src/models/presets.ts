import type { QFormerConfig } from './qformer.js'

/** BERT-base's sizes with 32 queries and cross-attention in every second layer (paper 3.1). */
export const paperQFormer = (encoderWidth: number): QFormerConfig => ({
  vocabularySize: 30_523, // bert-base-uncased and [DEC]
  width: 768,
  layers: 12,
  heads: 12,
  feedForward: 3072,
  maxPositions: 512,
  queries: 32,
  encoderWidth,
  crossAttentionEvery: 2,
  layerNormEpsilon: 1e-12,
})

/** Width of the space that pictures and texts are compared in (authors' code). */
export const PAPER_EMBEDDING_WIDTH = 256

/** The Q-Former of models/emoji. */
export const emojiQFormer = (vocabularySize: number, encoderWidth: number): QFormerConfig => ({
  vocabularySize,
  width: 192,
  layers: 4,
  heads: 6,
  feedForward: 768,
  maxPositions: 32,
  queries: 8,
  encoderWidth,
  crossAttentionEvery: 2,
  layerNormEpsilon: 1e-12,
})
