import { ModelNotFoundError } from '../errors.js'
import type { FrozenModels } from '../frozen/authorsCheckpoint.js'
import { openModelDirectory } from '../frozen/openModelDirectory.js'
import type { ModelDtype } from '../quantize/weightBits.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { TokenizerJson } from '../text/tokenizerJson.js'
import { defaultCacheDirectory } from '../weights/cacheDirectory.js'
import type { ConversionProgress, WeightPlacement } from '../weights/graphWeights.js'
import type { DownloadProgress } from '../weights/hub/pullModel.js'
import { MODEL_PARTS, type ModelConfig, type ModelDirectory, type ModelPart } from '../weights/modelDirectory.js'
import { AttentionReader } from './attentionReader.js'
import type { ExecutionOptions } from './batchedFunction.js'
import { onnxEncoderOf } from '../weights/onnxPart.js'
import { ImageEncoder } from './imageEncoder.js'
import { openPartWeights, type PartWeights } from './modelWeights.js'
import { type QFormerTexts, qformerTexts } from './qformerTexts.js'
import { Retriever } from './retriever.js'
import { haveSameEncoder } from './sameEncoder.js'
import { TextGenerator } from './textGenerator.js'

/** `vision`, `languageModel` and `bert` go with a checkpoint of the authors (.pth), which holds what was trained alone. */
export interface ModelOptions extends ExecutionOptions, FrozenModels {
  /**
   * Another model, a directory or OWNER/NAME, for match, vectors, attention and search: a published retrieval
   * checkpoint beside a published generator. Where their encoders are the same, weight by weight, memory holds one of
   * them and a picture is encoded once; else two, and twice. Stage 1 of the first model is not read. The other options
   * are for both, `revision` for the first.
   */
  readonly retrievalModel?: string
  /**
   * 'memory' reads the weights, 'mapped' leaves them in their files (half types are converted once, into `cacheDir`).
   * Default: parts of 256 MiB and more, counted as float32, are mapped.
   */
  readonly weights?: WeightPlacement
  /**
   * 'q8' and 'q4' quantise the matrices of a component to 8 and 4 bits, once, into `cacheDir`: less memory and faster
   * decoding for small errors (see docs/quantization.md). Default: float32, or as the directory is quantised already.
   */
  readonly dtype?: ModelDtype
  /** Branch, tag or commit of a model of the hub (default 'main'). */
  readonly revision?: string
  /** Bytes while a model of the hub is fetched. */
  readonly onDownload?: (progress: DownloadProgress) => void
  /** For converted weights: 4 bytes a weight (default: $BLIP2_CACHE or blip2 in the user's cache folder). */
  readonly cacheDir?: string
  /** Bytes written while weights are converted. */
  readonly onConversion?: (progress: ConversionProgress) => void
  readonly signal?: AbortSignal
}

/** A model with all that its weights make up; a stage that is not there is undefined. */
export interface OpenModel {
  readonly config: ModelConfig
  readonly path: string
  readonly encoder: ImageEncoder
  readonly generator: TextGenerator | undefined
  readonly retrieval: RetrievalSide
}

/** What compares pictures with texts: of the same model, or of another one, which may have an encoder of its own. */
export interface RetrievalSide {
  readonly config: ModelConfig
  readonly path: string
  readonly encoder: ImageEncoder
  readonly texts: QFormerTexts | undefined
  readonly retriever: Retriever | undefined
  readonly attention: AttentionReader | undefined
}

/**
 * Opens a model directory or a model of the hub, and the retrieval model beside it where one is asked for. Dispose it
 * with `disposeModel`.
 *
 * @throws as Blip2.fromPretrained
 */
export async function openModel(model: string, options: ModelOptions): Promise<OpenModel> {
  const { retrievalModel, ...first } = options
  const own = await findModel(model, first)
  if (retrievalModel === undefined) return openParts(own, MODEL_PARTS, first)
  const { revision: _, vision: _vision, languageModel: _languageModel, bert: _bert, ...second } = first
  const other = await findModel(retrievalModel, second)
  if (!other.parts.has('stage1'))
    throw new ModelNotFoundError(
      `${other.path} cannot be the retrieval model: it has no stage 1. Give one that can match, such as Salesforce/blip2-itm-vit-g`,
    )
  const generator = await openParts(own, ['vision', 'stage2', 'language'], first)
  try {
    const encoder = (await haveSameEncoder(own, other, options.signal)) ? generator.encoder : undefined
    const { retrieval } = await openParts(other, encoder ? ['stage1'] : ['vision', 'stage1'], second, encoder)
    await generator.retrieval.attention?.dispose()
    return { ...generator, retrieval }
  } catch (error) {
    await disposeModel(generator)
    throw error
  }
}

/** Whether pictures are encoded apart for retrieval. */
export const isJoined = ({ encoder, retrieval }: OpenModel): boolean => retrieval.encoder !== encoder

/** Frees the runtime's memory. */
export async function disposeModel({ encoder, generator, retrieval }: OpenModel): Promise<void> {
  const { retriever, attention } = retrieval
  const parts = new Set([encoder, generator, retrieval.encoder, retriever, attention])
  await Promise.all([...parts].map((part) => part?.dispose()))
}

type OwnOptions = Omit<ModelOptions, 'retrievalModel'>

function findModel(model: string, options: OwnOptions): Promise<ModelDirectory> {
  const { signal, revision, onDownload, vision, languageModel, bert } = options
  signal?.throwIfAborted()
  const frozen = {
    ...(vision === undefined ? {} : { vision }),
    ...(languageModel === undefined ? {} : { languageModel }),
    ...(bert === undefined ? {} : { bert }),
  }
  return openModelDirectory(model, frozen, {
    ...(revision === undefined ? {} : { revision }),
    ...(onDownload ? { onProgress: onDownload } : {}),
    ...(signal ? { signal } : {}),
  })
}

/** Those of these parts that the model has; its encoder, unless another model's is `shared`. */
async function openParts(
  directory: ModelDirectory,
  parts: readonly ModelPart[],
  options: OwnOptions,
  shared?: ImageEncoder,
): Promise<OpenModel> {
  const { signal, weights, cacheDir, onConversion, dtype, device, threads } = options
  const opened = await openPartWeights(directory, parts, {
    cacheDirectory: cacheDir ?? defaultCacheDirectory(),
    ...(weights ? { weights } : {}),
    ...(dtype ? { dtype } : {}),
    ...(onConversion ? { onConversion } : {}),
    ...(signal ? { signal } : {}),
  })
  signal?.throwIfAborted()
  const execution = { ...(device ? { device } : {}), ...(threads === undefined ? {} : { threads }) }
  const { config, path } = directory
  const openEncoder = () =>
    new ImageEncoder(config, config.vision.kind === 'onnx' ? onnxEncoderOf(path) : opened.vision!, execution)
  return assemble(directory, opened, shared ?? openEncoder(), execution)
}

async function assemble(
  { path, config, readTokenizer }: ModelDirectory,
  { stage1, stage2, language }: PartWeights,
  encoder: ImageEncoder,
  execution: ExecutionOptions,
): Promise<OpenModel> {
  const tokenizer = async (name: 'qformer' | 'language') =>
    Tokenizer.fromJson((await readTokenizer(name)) as TokenizerJson)
  const readsText = stage1 !== undefined || config.questionToQFormer === true
  const texts = readsText ? qformerTexts(await tokenizer('qformer'), config.text.maxTokens) : undefined
  const bridge = stage1 ?? stage2
  return {
    config,
    path,
    encoder,
    generator:
      stage2 &&
      language &&
      new TextGenerator(
        config,
        { stage2, language },
        await tokenizer('language'),
        execution,
        config.questionToQFormer ? texts : undefined,
      ),
    retrieval: {
      config,
      path,
      encoder,
      texts,
      retriever: stage1 && texts && new Retriever(config, stage1, texts, execution),
      attention: bridge && new AttentionReader(config, bridge, execution),
    },
  }
}
