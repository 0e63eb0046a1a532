import { ConfigError, DataError, WeightsError } from '../errors.js'
import { CLIP_PIXELS, OPT_SIZES, PAPER_EMBEDDING_WIDTH } from '../models/presets.js'
import type { PullOptions } from '../weights/hub/pullModel.js'
import { AUTHORS_GENERATION, MAX_TEXT_TOKENS, PAD_TOKEN } from '../weights/huggingFaceConfig.js'
import type { ModelConfig } from '../weights/modelConfig.js'
import type { ModelDirectory, ModelPart } from '../weights/modelDirectory.js'
import { authorsBlip2 } from '../weights/names/authors.js'
import { matchPattern } from '../weights/names/pattern.js'
import { checkpointPart, type PartSource } from '../weights/partSource.js'
import { PytorchFile } from '../weights/pytorch/read.js'
import type { TensorTable } from '../weights/safetensors/types.js'
import { authorsQFormerConfig } from './authorsQFormer.js'
import { authorsVisionConfig } from './authorsVision.js'
import { openBert } from './bertModel.js'
import { openLanguageModel } from './languageModel.js'
import { openVisionModel } from './visionModel.js'

/** The models that a checkpoint of the authors was trained with; they lie in places of their own. */
export interface FrozenModels {
  /** Image encoder, as `openVisionModel` takes it: eva_vit_g.pth, or a directory. */
  readonly vision?: string
  /** Language model, as `openLanguageModel` takes it, such as facebook/opt-2.7b or google/flan-t5-xl. */
  readonly languageModel?: string
  /** BERT whose vocabulary the Q-Former reads texts with, such as bert-base-uncased. */
  readonly bert?: string
}

/**
 * Opens a checkpoint of the authors (LAVIS, `.pth`) as a model directory. It holds what was trained: the Q-Former, and
 * after fine-tuning the image encoder too; frozen models come from places of their own. A stage-1 checkpoint needs
 * `bert`, one of stage 2 `languageModel`, and one without its image encoder `vision`. Loading is strict.
 *
 * @throws ConfigError naming what has to be given, or what does not belong together; WeightsError for another file.
 */
export async function openAuthorsCheckpoint(
  path: string,
  { vision, languageModel, bert }: FrozenModels,
  options: PullOptions = {},
): Promise<ModelDirectory> {
  const openTable = () => PytorchFile.open(path)
  await using table = await openTable()
  const { stage, has } = contentOf(table)
  const qformer = authorsQFormerConfig(table)
  const encoder = has.vision ? undefined : await openVisionModel(required('vision', vision, path), options)
  const languages =
    stage === 'stage2' ? await openLanguageModel(required('languageModel', languageModel, path), options) : undefined
  const texts = stage === 'stage1' ? await openBert(required('bert', bert, path), options) : undefined
  if (has.vision) refuse('vision', vision, `${path} has an image encoder of its own`)
  if (stage === 'stage1') refuse('languageModel', languageModel, `${path} is of stage 1, which has no language model`)
  if (stage === 'stage2') refuse('bert', bert, `${path} is of stage 2, whose Q-Former reads no text`)
  const pictures = encoder?.config ?? { vision: authorsVisionConfig(table, 'visual_encoder.', 0), ...CLIP_PIXELS }
  if (pictures.vision.width !== qformer.encoderWidth)
    throw new ConfigError(
      `${path} was trained with an image encoder of width ${qformer.encoderWidth}, ${encoder?.path ?? path} has one of ${pictures.vision.width}; they do not belong together`,
    )
  const encoderWeights = encoder?.weights
  if (encoderWeights && 'onnx' in encoderWeights)
    throw new ConfigError(`${path} was trained with EVA's or CLIP's encoder, not with ${encoderWeights.onnx}`)
  const own = (part: keyof typeof NAMES) => {
    const ignore = Object.entries(NAMES).flatMap(([other, names]) => (other === part ? [] : names))
    return checkpointPart({ openTable, layout: authorsBlip2, ignore })
  }
  const sources: ReadonlyMap<ModelPart, PartSource> = new Map([
    ['vision', encoderWeights ?? own('vision')],
    [stage, own('bridge')],
    ...(languages ? [['language', has.language ? own('language') : languages.weights] as const] : []),
  ])
  const source = (part: ModelPart): PartSource => {
    const found = sources.get(part)
    if (found) return found
    throw new WeightsError(`${path} has no ${part} weights`)
  }
  return {
    path,
    config: {
      format: 'blip2',
      version: 1,
      ...pictures,
      qformer,
      visionLayerNormEpsilon: 1e-5, // PyTorch's own, which the authors leave as it is
      embeddingWidth: table.tensors.get('vision_proj.weight')?.shape[0] ?? PAPER_EMBEDDING_WIDTH,
      language: languages ? asAuthors(languages.config) : NO_LANGUAGE,
      text: { maxTokens: MAX_TEXT_TOKENS, decoderToken: qformer.vocabularySize - 1, padToken: PAD_TOKEN },
      generation: { prompt: '', ...AUTHORS_GENERATION },
    },
    parts: new Set(sources.keys()),
    readTokenizer: (name) => {
      const vocabulary = name === 'language' ? languages : texts
      if (vocabulary) return vocabulary.readTokenizer()
      throw new DataError(`${path} has no tokenizer for ${name === 'language' ? 'a language model' : 'the Q-Former'}`)
    },
    load: (part, wanted) => source(part).load(wanted),
    open: (part, wanted, settings) => source(part).open(wanted, settings),
    stream: (part, wanted) => source(part).stream(wanted),
  }
}

/** The checkpoint's names of each part. */
const NAMES = {
  vision: ['visual_encoder.*'],
  bridge: [
    'query_tokens',
    'ln_vision.*',
    'Qformer.*',
    'vision_proj.*',
    'text_proj.*',
    'itm_head.*',
    'temp',
    'opt_proj.*',
    't5_proj.*',
  ],
  language: ['opt_model.*', 't5_model.*'],
} as const

function contentOf({ path, tensors }: TensorTable) {
  const has = (names: readonly string[]) =>
    [...tensors.keys()].some((name) => names.some((pattern) => matchPattern(pattern, name) !== undefined))
  const isWriter = has(['opt_proj.*', 't5_proj.*'])
  if (!isWriter && !has(['itm_head.*']))
    throw new WeightsError(
      `${path}: expected a checkpoint of the authors' BLIP-2, with a projection to a language model or a matching head; the first of its names are ${[...tensors.keys()].slice(0, 5).join(', ')}`,
    )
  const stage = isWriter ? ('stage2' as const) : ('stage1' as const)
  return { stage, has: { vision: has(NAMES.vision), language: has(NAMES.language) } }
}

/** What each is, its flag on the command line, and what to give. */
const HINTS = {
  vision: ['the image encoder that it was trained with', '--vision-model', 'eva_vit_g.pth, or a directory'],
  languageModel: [
    'the language model that it was trained with',
    '--language-model, of quantize --language-model-from',
    'facebook/opt-2.7b, google/flan-t5-xl or a directory',
  ],
  bert: ['the vocabulary of its Q-Former', '--bert', 'google-bert/bert-base-uncased or a directory'],
} as const satisfies Record<keyof FrozenModels, unknown>

function required(option: keyof FrozenModels, given: string | undefined, path: string): string {
  if (given !== undefined) return given
  const [what, flag, example] = HINTS[option]
  throw new ConfigError(`${path} holds what was trained alone; give ${what} as \`${option}\` (${flag}): ${example}`)
}

function refuse(option: keyof FrozenModels, given: string | undefined, why: string): void {
  if (given !== undefined) throw new ConfigError(`${why}; leave \`${option}\` out`)
}

/** The authors run Flan-T5 with the exact GELU, whatever its own file says. */
const asAuthors = (language: ModelConfig['language']): ModelConfig['language'] =>
  language.kind === 't5' ? { ...language, gelu: 'exact' } : language

/** Every configuration names a language model; that of a stage-1 checkpoint is not there, and never read. */
const NO_LANGUAGE: ModelConfig['language'] = { kind: 'opt', ...OPT_SIZES['125m'] }
