import { join } from 'node:path'
import { ConfigError } from '../errors.js'
import type { TokenizerJson } from '../text/tokenizerJson.js'
import type { PullOptions } from '../weights/hub/pullModel.js'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { languageConfig, languageSchema } from '../weights/huggingFaceConfig.js'
import { type ModelConfig, parseWith } from '../weights/modelConfig.js'
import { readConfigFile, readModelDirectory } from '../weights/modelDirectory.js'
import { huggingFaceOpt } from '../weights/names/opt.js'
import { huggingFaceT5 } from '../weights/names/t5.js'
import { openTensors } from '../weights/openTensors.js'
import { checkpointPart, type PartSource, partOf } from '../weights/partSource.js'
import { readLanguageTokenizer } from './languageTokenizer.js'
import { isModelDirectory } from './visionModel.js'

/** A frozen language model: its sizes, its weights and its vocabulary, which are read when asked for. */
export interface LanguageModel {
  readonly path: string
  readonly config: ModelConfig['language']
  readonly weights: PartSource
  readonly readTokenizer: () => Promise<TokenizerJson>
}

/**
 * Opens a language model: that of a model directory (of blip2, or Hugging Face's BLIP-2), or Hugging Face's OPT, T5 1.1
 * or Flan-T5. It is computed as transformers does: Flan-T5's GELU is the tanh form where the file does not say otherwise.
 *
 * @param model a directory, or OWNER/NAME on the hub
 * @throws ModelNotFoundError or ConfigError where there is no language model that can be computed here.
 */
export async function openLanguageModel(model: string, options: PullOptions = {}): Promise<LanguageModel> {
  const path = await resolveModel(model, options)
  const json = await readConfigFile(path)
  if (isModelDirectory(json)) return ofDirectory(path)
  const file = join(path, 'config.json')
  const kind = typeof json === 'object' && json !== null && 'model_type' in json ? json.model_type : undefined
  if (kind !== 'opt' && kind !== 't5')
    throw new ConfigError(
      `${file}: expected the model_type opt or t5, found ${JSON.stringify(kind)}; give the directory of an OPT, T5 1.1 or Flan-T5, or of a BLIP-2`,
    )
  const parsed = parseWith(languageSchema, json, `${file} is not that of a language model that can be computed here`)
  return {
    path,
    config: languageConfig(parsed),
    weights: checkpointPart({
      openTable: () => openTensors(path),
      layout: kind === 'opt' ? huggingFaceOpt : huggingFaceT5,
    }),
    readTokenizer: () => readLanguageTokenizer(path),
  }
}

async function ofDirectory(path: string): Promise<LanguageModel> {
  const directory = await readModelDirectory(path)
  if (!directory.parts.has('language'))
    throw new ConfigError(
      `${path} holds no language weights; train a language model with \`blip2 train language\`, or give another --language-model directory`,
    )
  return {
    path,
    config: directory.config.language,
    weights: partOf(directory, 'language'),
    readTokenizer: async () => (await directory.readTokenizer('language')) as TokenizerJson,
  }
}
