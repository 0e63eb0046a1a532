import { ConfigError } from '../errors.js'
import { beamSearch } from './beamSearch.js'
import type { Decoder } from './decoder.js'
import { checkGenerationOptions, type Generated, type GenerationOptions } from './options.js'
import { sampleSearch, withoutEnd } from './sampleSearch.js'

/**
 * Continues each of the decoder's rows. -> for each row `numReturnSequences` texts, best first
 *
 * @throws ConfigError for an option out of range; AbortError within one token of `signal`.
 */
export async function generate(decoder: Decoder, options: GenerationOptions): Promise<Generated[][]> {
  checkGenerationOptions(options)
  if (options.numBeams > 1) return beamSearch(decoder, options)
  const search = sampleSearch(decoder, options)
  for (;;) {
    const step = await search.next()
    if (step.done) return step.value
  }
}

/**
 * Continues a decoder of one row. Yields its new tokens so far after each one, without an end token; returns the text.
 *
 * @throws ConfigError also for beam search and for several texts, which cannot be streamed.
 */
export async function* generateStream(
  decoder: Decoder,
  options: GenerationOptions,
): AsyncGenerator<readonly number[], Generated> {
  checkGenerationOptions(options)
  if (options.numBeams > 1)
    throw new ConfigError(
      `beam search cannot be streamed: which of the ${options.numBeams} beams wins is known at the end only. Set numBeams to 1, or wait for the whole text`,
    )
  if (options.numReturnSequences > 1)
    throw new ConfigError(`one text is streamed at a time; numReturnSequences is ${options.numReturnSequences}`)
  const search = sampleSearch(decoder, options)
  for (;;) {
    const step = await search.next()
    if (step.done) return step.value[0]![0]!
    yield withoutEnd(step.value[0]!, options)
  }
}
