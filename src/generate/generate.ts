import { beamSearch } from './beamSearch.js'
import type { Decoder } from './decoder.js'
import { greedySearch } from './greedySearch.js'
import { checkGenerationOptions, type Generated, type GenerationOptions } from './options.js'

/** Continues each of the decoder's rows. Throws a ConfigError for an option out of range, AbortError on `signal`. */
export async function generate(decoder: Decoder, options: GenerationOptions): Promise<Generated[]> {
  checkGenerationOptions(options)
  return options.numBeams === 1 ? greedySearch(decoder, options) : beamSearch(decoder, options)
}
