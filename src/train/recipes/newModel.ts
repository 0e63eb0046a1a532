import { ConfigError } from '../../errors.js'
import { type BertModel, openBert } from '../../frozen/bertModel.js'
import { openVisionModel } from '../../frozen/visionModel.js'
import { initializeFromBert } from '../../models/bertInitialization.js'
import { Tokenizer } from '../../text/tokenizer.js'
import type { TokenizerJson } from '../../text/tokenizerJson.js'
import { DECODE_TOKEN } from '../../text/trainWordPiece.js'
import type { PullOptions } from '../../weights/hub/pullModel.js'
import { type ModelConfig, type ModelDirectory, readModelDirectory } from '../../weights/modelDirectory.js'
import { type OnnxPart, onnxEncoderOf } from '../../weights/onnxPart.js'
import { type PartSource, partOf } from '../../weights/partSource.js'
import { SHIPPED_MODEL } from '../../weights/shippedModel.js'
import { partSpecs } from '../partSpecs.js'
import { isPaperPreset, paperModelConfig } from '../pretrain/paperPresets.js'
import type { PretrainPresetName } from '../pretrain/presets.js'
import { Random } from '../random/random.js'

export interface NewModelOptions {
  readonly preset: PretrainPresetName
  /** The frozen image encoder, as `openVisionModel` takes it (default: the one that ships). */
  readonly vision?: string
  /** The BERT that the Q-Former starts from and whose vocabulary it reads, as `openBert` takes it (default: none). */
  readonly bert?: string
}

/** What a training begins with; weights and vocabularies are read when asked for. */
export interface StartingModel {
  readonly config: ModelConfig
  readonly vision: PartSource | OnnxPart
  readonly readTokenizer: (name: 'qformer' | 'language') => Promise<TokenizerJson>
  readonly bert?: BertModel
}

/**
 * A model whose Q-Former is still to be trained. The encoder of a directory of blip2 brings the Q-Former's sizes and
 * vocabulary along; with any other one they are those of the model that ships, or the paper's. `bert` replaces them.
 *
 * @throws ConfigError where a preset of the paper would start from nothing; as `openVisionModel` and `openBert`.
 */
export async function newModel(options: NewModelOptions, pull: PullOptions = {}): Promise<StartingModel> {
  const { preset, vision = SHIPPED_MODEL, bert: bertName } = options
  const encoder = await openVisionModel(vision, pull)
  const bert = bertName === undefined ? undefined : await openBert(bertName, pull)
  const shipped = await readModelDirectory(SHIPPED_MODEL)
  const base = encoder.directory?.config ?? foreignBase(preset, shipped.config, bert)
  const qformer = { ...base.qformer, ...bert?.sizes, encoderWidth: encoder.config.vision.width }
  const start = {
    config: { ...base, ...encoder.config, qformer, text: bert ? await bertText(base.text.maxTokens, bert) : base.text },
    vision: encoder.weights,
  }
  const vocabularies = startingModel(encoder.directory ?? shipped).readTokenizer
  if (!bert) return { ...start, readTokenizer: vocabularies }
  return {
    ...start,
    bert,
    readTokenizer: (name) => (name === 'qformer' ? bert.readTokenizer() : vocabularies(name)),
  }
}

/** What an earlier training left. */
export const startingModel = (directory: ModelDirectory): StartingModel => ({
  config: directory.config,
  vision: directory.config.vision.kind === 'onnx' ? onnxEncoderOf(directory.path) : partOf(directory, 'vision'),
  readTokenizer: async (name) => (await directory.readTokenizer(name)) as TokenizerJson,
})

/** The Q-Former's weights of stage 1 that come from BERT; [DEC], which BERT lacks, is drawn. */
export async function bertWeights(
  config: ModelConfig,
  bert: BertModel,
  seed: number,
): Promise<Map<string, Float32Array>> {
  const random = new Random(seed, 'tokens that BERT lacks')
  return initializeFromBert(await bert.load(), partSpecs(config).stage1, () => random.normal())
}

/** Of a model with an encoder that brings nothing along. */
function foreignBase(preset: PretrainPresetName, shipped: ModelConfig, bert: BertModel | undefined): ModelConfig {
  if (!isPaperPreset(preset)) return { ...shipped, visionLayerNormEpsilon: AUTHORS_EPSILON }
  if (bert) return paperModelConfig(preset, shipped.language)
  throw new ConfigError(
    `${preset} starts its Q-Former from BERT (paper 3.1): give --bert, such as google-bert/bert-base-uncased`,
  )
}

/** PyTorch's own epsilon, which the authors leave as it is. */
const AUTHORS_EPSILON = 1e-5

/** How the Q-Former reads texts with BERT's vocabulary. */
async function bertText(maxTokens: number, { sizes, readTokenizer }: BertModel): Promise<ModelConfig['text']> {
  const tokenizer = Tokenizer.fromJson(await readTokenizer())
  if (tokenizer.size > sizes.vocabularySize)
    throw new ConfigError(
      `the tokenizer of the BERT has ${tokenizer.size} tokens with ${DECODE_TOKEN}, its embeddings leave room for ${sizes.vocabularySize}; the files do not belong together`,
    )
  return {
    maxTokens: Math.min(maxTokens, sizes.maxPositions),
    decoderToken: tokenizer.idOf(DECODE_TOKEN),
    padToken: tokenizer.paddingId,
  }
}
