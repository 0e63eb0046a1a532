import { type Command, InvalidArgumentError, Option } from 'commander'
import { type DecodingPreset, PRESET_NAMES } from '../generate/presets.js'
import type { TextOptions } from '../tasks/textOptions.js'
import {
  addGenerationOptions,
  finiteNumber,
  type GenerationFlags,
  generationFlags,
  positiveInteger,
  wholeNumber,
} from './options.js'

export interface TextFlags extends GenerationFlags {
  readonly numReturn?: number
  readonly earlyStopping?: true | 'never'
  readonly uniqueNgrams?: number
  readonly sample?: true
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly seed?: number
  readonly stop?: string[]
}

export interface PresetFlag {
  readonly preset?: DecodingPreset
}

/** Everything about how a text is generated. */
export const addTextOptions = (command: Command): Command =>
  addGenerationOptions(command)
    .option('--num-return <n>', 'texts for each picture, best first', positiveInteger)
    .addOption(
      new Option(
        '--early-stopping [when]',
        "end beam search with enough ended texts; 'never': only when none can become better",
      ).argParser(earlyStopping),
    )
    .option('--unique-ngrams <n>', 'no run of so many tokens comes twice', positiveInteger)
    .option('--sample', 'draw each token instead of taking the best; the four below draw as well')
    .option('--temperature <x>', 'below 1 likely tokens become more likely', finiteNumber)
    .option('--top-k <n>', 'draw among so many likeliest tokens', positiveInteger)
    .option('--top-p <x>', 'draw among the likeliest tokens that have this probability together', finiteNumber)
    .option('--seed <n>', 'seed of what is drawn (default: 0)', wholeNumber)
    .option('--stop <text...>', 'strings that end a text')

export const presetOption = (): Option =>
  new Option('--preset <name>', "settings of the paper or of the authors' code").choices([...PRESET_NAMES])

export function textOptions(flags: TextFlags): TextOptions {
  const { numReturn, earlyStopping: early, uniqueNgrams, sample, temperature, topK, topP, seed, stop } = flags
  const draws = [sample, temperature, topK, topP, seed].some((flag) => flag !== undefined)
  return {
    ...generationFlags(flags),
    ...(numReturn === undefined ? {} : { numReturnSequences: numReturn }),
    ...(early === undefined ? {} : { earlyStopping: early }),
    ...(uniqueNgrams === undefined ? {} : { noRepeatNgramSize: uniqueNgrams }),
    ...(draws ? { doSample: true } : {}),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop }),
  }
}

/** The preset where one was given. */
export const presetOf = ({ preset }: PresetFlag): PresetFlag => (preset === undefined ? {} : { preset })

function earlyStopping(text: string): 'never' {
  if (text !== 'never') throw new InvalidArgumentError("expected nothing or 'never'")
  return text
}
