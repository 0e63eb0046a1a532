import { ConfigError } from '../errors.js'
import type { DecodingPreset } from '../generate/presets.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import type { ImageInput } from './imageEncoder.js'
import { forEach, type OneOrMany } from './oneOrMany.js'
import type { PictureText } from './pictureText.js'
import { decodingPreset, type GeneratedText, type TextOptions, textSettings } from './textOptions.js'

export interface CaptionOptions extends TextOptions {
  /** Settings of the paper or of the authors' code, instead of the model's own; options beside it win. */
  readonly preset?: DecodingPreset
  /** Text in front of the caption, which is not part of it: 'a photo of'. Default: the model's own. */
  readonly prompt?: string
  /**
   * Captions looked for, as beams or as draws, of which stage 1 picks the one that fits the picture best: by ITM logit
   * and ITC cosine, as `match` finds them (the paper picks captions like this for its data, 3.4), with as much of the
   * language model's score as the model says. Costs as many beams
   * and comparisons. 1 takes the language model's best. Default: the model's own, where `numBeams`, `doSample` and
   * `preset` are left out; else 1.
   */
  readonly candidates?: number
}

export type Caption = GeneratedText

/** Describes pictures. Needs stage 2. */
export interface CaptionTask {
  (image: ImageInput, options?: CaptionOptions): Promise<Caption>
  (images: readonly ImageInput[], options?: CaptionOptions): Promise<Caption[]>
  /**
   * The caption in pieces of whole characters, as they are written; `return`s the whole caption. Joined, the pieces are
   * its text. Beams cannot be streamed (ConfigError), so numBeams is 1 unless it is given. Other calls may run between
   * two pieces.
   */
  stream(image: ImageInput, options?: CaptionOptions): AsyncGenerator<string, Caption>
}

export function captionTask(text: PictureText, config: ModelConfig): CaptionTask {
  const resolve = (options: CaptionOptions) => {
    const { preset, prompt, candidates, ...own } = options
    const { candidates: ownCandidates = 1, languageWeight: _, ...generation } = config.generation
    const { prompt: defaultPrompt, ...defaults } = preset
      ? decodingPreset(preset).caption
      : { minNewTokens: 1, ...generation }
    const asTheModelSays = preset === undefined && own.numBeams === undefined && own.doSample === undefined
    return {
      prompt: prompt ?? defaultPrompt,
      settings: textSettings(defaults, own),
      candidates: wholeCandidates(candidates ?? (asTheModelSays ? ownCandidates : 1)),
    }
  }
  function caption(image: ImageInput, options?: CaptionOptions): Promise<Caption>
  function caption(images: readonly ImageInput[], options?: CaptionOptions): Promise<Caption[]>
  function caption(images: OneOrMany<ImageInput>, options: CaptionOptions = {}) {
    return forEach(images, async (all) => {
      const { prompt, settings, candidates } = resolve(options)
      const prompts = all.map(() => ({ text: prompt }))
      return text.write('captions', all, prompts, settings, candidates)
    })
  }
  async function* stream(image: ImageInput, options: CaptionOptions = {}) {
    const { prompt, settings, candidates } = resolve({ numBeams: 1, ...options })
    if (candidates > 1)
      throw new ConfigError(
        `a caption is streamed as it is written, ${candidates} candidates cannot be; leave them out`,
      )
    return yield* text.stream('captions', image, { text: prompt }, settings)
  }
  return Object.assign(caption, { stream })
}

function wholeCandidates(candidates: number): number {
  if (Number.isInteger(candidates) && candidates >= 1) return candidates
  throw new ConfigError(`candidates must be a whole number of at least 1, got ${candidates}`)
}
