import { ConfigError } from '../errors.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import type { EncodedImage } from './imageEncoder.js'
import { rerankScore } from './rank.js'
import { cosine, matchProbability, type Pair, type Retriever } from './retriever.js'
import type { GeneratedText, TextSettings } from './textOptions.js'

/**
 * Settings that give so many texts for each picture: as many beams, or as many draws.
 * @throws ConfigError where fewer candidates than texts to give back are asked for.
 */
export function candidateSettings(settings: TextSettings, candidates: number): TextSettings {
  const { doSample, numBeams, numReturnSequences } = settings
  if (numReturnSequences > candidates)
    throw new ConfigError(
      `numReturnSequences is ${numReturnSequences}, but only ${candidates} candidates are compared; raise candidates`,
    )
  const search = doSample ? {} : { numBeams: Math.max(numBeams, candidates) }
  return { ...settings, ...search, numReturnSequences: candidates }
}

export interface Choice {
  /** Texts kept of each picture's. */
  readonly keep: number
  /** Part of the language model's score, see ModelConfig. */
  readonly languageWeight: number
  readonly signal?: AbortSignal
}

/**
 * Of the texts found for each picture, those that fit it best by stage 1: by the score that retrieval re-ranks with. The
 * paper picks the captions of its data like this (CapFilt, 3.4).
 *
 * @param images as stage 1's encoder gives them, one for each of `found`
 */
export async function bestFitting(
  retriever: Retriever,
  config: ModelConfig,
  images: readonly EncodedImage[],
  found: readonly GeneratedText[],
  { keep, languageWeight, signal }: Choice,
): Promise<GeneratedText[]> {
  const texts = found.map(distinct)
  const pairs = texts.flatMap((own, i) => own.map(({ text }): Pair => [images[i]!, text]))
  const imageVectors = await retriever.embedImages(images, signal)
  const textVectors = await retriever.embedTexts(
    pairs.map(([, text]) => text),
    signal,
  )
  const logits = await retriever.matchLogits(pairs, signal)
  const scoreOf = rerankScore(config)
  let next = 0
  return texts.map((own, i) => {
    const ranked = own
      .map((text) => {
        const itc = cosine(imageVectors[i]!, textVectors[next]!)
        const match = logits[next++]!
        return {
          text: { ...text, match: { itm: matchProbability(match), itc } },
          score: scoreOf(match[1], itc) + languageWeight * text.score,
        }
      })
      .sort((a, b) => b.score - a.score)
      .slice(0, keep)
    const [best, ...others] = ranked.map(({ text }) => text)
    return keep === 1 ? best! : { ...best!, alternatives: others }
  })
}

/** Beams may be written with other tokens, and draws come twice. */
function distinct({ alternatives = [], ...best }: GeneratedText): Omit<GeneratedText, 'alternatives'>[] {
  const seen = new Map([best, ...alternatives].toReversed().map((one) => [one.text, one]))
  return [...seen.values()].toReversed()
}
