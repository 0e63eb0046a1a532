import type { DecodingPreset } from '../generate/presets.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import type { ImageInput } from './imageEncoder.js'
import { forEach, type OneOrMany } from './oneOrMany.js'
import type { PictureText } from './pictureText.js'
import { decodingPreset, type GeneratedText, type TextOptions, type TextSettings, textSettings } from './textOptions.js'

export interface CaptionOptions extends TextOptions {
  /** Settings of the paper or of the authors' code, instead of the model's own; options beside it win. */
  readonly preset?: DecodingPreset
  /** Text in front of the caption, which is not part of it: 'a photo of'. Default: the model's own. */
  readonly prompt?: string
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
  const resolve = (options: CaptionOptions): readonly [string, TextSettings] => {
    const { preset, prompt, ...own } = options
    const { prompt: defaultPrompt, ...defaults } = preset
      ? decodingPreset(preset).caption
      : { minNewTokens: 1, ...config.generation }
    return [prompt ?? defaultPrompt, textSettings(defaults, own)]
  }
  function caption(image: ImageInput, options?: CaptionOptions): Promise<Caption>
  function caption(images: readonly ImageInput[], options?: CaptionOptions): Promise<Caption[]>
  function caption(images: OneOrMany<ImageInput>, options: CaptionOptions = {}) {
    return forEach(images, async (all) => {
      const [prompt, settings] = resolve(options)
      const prompts = all.map(() => ({ text: prompt }))
      return text.write('captions', all, prompts, settings)
    })
  }
  async function* stream(image: ImageInput, options: CaptionOptions = {}) {
    const [prompt, settings] = resolve({ numBeams: 1, ...options })
    return yield* text.stream('captions', image, { text: prompt }, settings)
  }
  return Object.assign(caption, { stream })
}
