import { ConfigError } from '../errors.js'
import { DEFAULT_GENERATION, type GenerationOptions } from '../generate/options.js'
import { DECODING_PRESETS, type DecodingPreset, PRESET_NAMES } from '../generate/presets.js'

/** How a text is generated; what is left out has the task's default. */
export interface TextOptions extends Partial<Omit<GenerationOptions, 'endTokens' | 'stop'>> {
  /** Strings that end a text; the text has what comes before. */
  readonly stop?: readonly string[]
}

/** The same with nothing left out. */
export interface TextSettings extends Omit<GenerationOptions, 'endTokens' | 'stop'> {
  readonly stop: readonly string[]
}

/** A text that was generated. */
export interface GeneratedText {
  /** Without the prompt, and without white space around it. */
  readonly text: string
  /**
   * 'stop': the model or a stop string ended the text; 'length': it was cut at maxNewTokens; 'filtered': the model's
   * output filter withheld it.
   */
  readonly finishReason: 'stop' | 'length' | 'filtered'
  /** Log-probability / tokens ^ lengthPenalty. */
  readonly score: number
  /** How well it fits the picture, where candidates were compared by stage 1. */
  readonly match?: { readonly itm: number; readonly itc: number }
  /** The next best texts, best first, where numReturnSequences is above 1. */
  readonly alternatives?: readonly Omit<GeneratedText, 'alternatives'>[]
}

/**
 * Fills up what the caller left out; drawing has no beams unless they are asked for, which is refused.
 * @throws ConfigError for an empty stop string.
 */
export function textSettings(defaults: Partial<GenerationOptions>, options: TextOptions): TextSettings {
  const { stop = [], ...own } = options
  if (stop.includes('')) throw new ConfigError('a stop string must not be empty')
  return { ...DEFAULT_GENERATION, ...defaults, ...(own.doSample ? { numBeams: 1 } : {}), ...own, stop }
}

/** @throws ConfigError for a name that is no preset. */
export function decodingPreset(name: DecodingPreset): (typeof DECODING_PRESETS)[DecodingPreset] {
  const preset = DECODING_PRESETS[name]
  if (!preset) throw new ConfigError(`no preset is called '${name}'; expected one of ${PRESET_NAMES.join(', ')}`)
  return preset
}
