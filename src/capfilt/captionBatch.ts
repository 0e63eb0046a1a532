import { Random } from '../train/random/random.js'
import type { CandidateOptions, Captioner } from './captioner.js'
import type { OpenPicture, PictureBatch } from './pictureBatches.js'
import { distinctCandidates, type RankedCandidate, rankCandidates } from './rankCandidates.js'
import type { Ranker } from './ranker.js'

/** How captions are drawn; the seed is that of the whole run. */
export type CaptionSettings = CandidateOptions

export interface CaptionedPicture {
  readonly picture: OpenPicture
  /** All captions that were compared, best first. */
  readonly ranked: readonly RankedCandidate[]
}

/** Draws captions of the pictures of a batch and ranks them with those of the data set. */
export async function captionBatch(
  { captioner, ranker }: { readonly captioner: Captioner; readonly ranker: Ranker },
  { pictures, first }: Pick<PictureBatch, 'pictures' | 'first'>,
  settings: CaptionSettings,
): Promise<CaptionedPicture[]> {
  if (pictures.length === 0) return []
  const pixels = pictures.map((picture) => picture.pixels)
  // The draws of a batch share their random numbers, so every batch has others: over a data set all captions can come.
  const seed = new Random(settings.seed, `capfilt/${first}`).integer(2 ** 31)
  const drawn = await captioner.captions(pixels, { ...drawing(settings), seed })
  const candidates = pictures.map(({ captions }, i) => distinctCandidates(captions, drawn[i]!))
  const texts = candidates.map((own) => own.map(({ text }) => text))
  const similarities = await ranker.similarities(pixels, texts, settings.signal)
  return pictures.map((picture, i) => ({ picture, ranked: rankCandidates(candidates[i]!, similarities[i]!) }))
}

/** The settings alone: a captioner may hand on all that it is given. */
const drawing = ({ count, topP, prompt, minNewTokens, maxNewTokens, signal }: CaptionSettings) => ({
  count,
  topP,
  ...(prompt === undefined ? {} : { prompt }),
  ...(minNewTokens === undefined ? {} : { minNewTokens }),
  ...(maxNewTokens === undefined ? {} : { maxNewTokens }),
  ...(signal === undefined ? {} : { signal }),
})
