import { cleanCaption } from '../text/captionCleaning.js'

/** Where a caption is from: the data set, or the captioner. */
export type CaptionOrigin = 'web' | 'model'

export interface Candidate {
  readonly text: string
  readonly origin: CaptionOrigin
}

export interface RankedCandidate extends Candidate {
  readonly similarity: number
}

/**
 * The captions that are compared: those of the data set, then those of the captioner. Texts that differ only in what
 * cleaning takes away count once, as the first of them; empty ones not at all.
 */
export function distinctCandidates(web: readonly string[], model: readonly string[]): Candidate[] {
  const seen = new Set([''])
  const all = [
    ...web.map((text): Candidate => ({ text, origin: 'web' })),
    ...model.map((text): Candidate => ({ text, origin: 'model' })),
  ]
  return all.filter(({ text }) => {
    const cleaned = cleanCaption(text).trim()
    if (seen.has(cleaned)) return false
    seen.add(cleaned)
    return true
  })
}

/** Best first; of equal ones the first comes first. */
export function rankCandidates(candidates: readonly Candidate[], similarities: readonly number[]): RankedCandidate[] {
  return candidates
    .map((candidate, i) => ({ ...candidate, similarity: similarities[i]! }))
    .sort((a, b) => b.similarity - a.similarity)
}
