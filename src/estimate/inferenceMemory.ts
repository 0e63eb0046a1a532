import { Graph } from '../graph/index.js'
import { liveBytes } from '../graph/liveBytes.js'
import type { AnyArchitecture } from '../models/architectureSpecs.js'
import { decodeText, encodePrefix, OPT_MODEL, queryImage, softPromptOf, T5_MODEL, visionNorm } from '../models/blip2.js'
import { featureTokens, requireDrawn, vit } from '../models/imageEncoder.js'
import { optHead } from '../models/opt.js'
import { t5Decode, t5Head } from '../models/t5.js'
import { Scope } from '../nn/scope.js'
import type { ModelDtype } from '../quantize/weightBits.js'
import { type ByComponent, COMPONENTS, totalOf, weightBytes } from './weightSizes.js'

export interface InferenceMemory {
  /** Weights as they are held. */
  readonly weights: ByComponent
  /** What a run of the part holds besides, one picture at a time. */
  readonly working: ByComponent
  /** Keys and values of the text, two sets. */
  readonly cache: number
  /**
   * What opening takes beyond all weights: a quantised part is there twice, as its file is mapped while the runtime repacks
   * it. The language model is opened first, then the encoder, then the Q-Former.
   */
  readonly repacking: number
  /** Node, the runtime and this package. */
  readonly program: number
  /** The largest resident memory: all weights, and the repacking or the work of one part, whichever is more. */
  readonly peak: number
}

/** Tokens of a prompt beside the soft prompt, and of a caption. */
const PROMPT_TOKENS = 8
const CAPTION_TOKENS = 30
const FLOAT = 4
/** Assumed: Node with this package and the runtime loaded. */
const PROGRAM_BYTES = 150e6

/** What captioning one picture greedily takes, from the sizes alone: the graphs are drawn and their values counted. */
export function inferenceMemory(config: AnyArchitecture, dtype: ModelDtype): InferenceMemory {
  const weights = weightBytes(config, dtype)
  const working = { vision: visionWork(config), qformer: bridgeWork(config), languageModel: languageWork(config) }
  const cache = 2 * keyValueBytes(config)
  const most = Math.max(...COMPONENTS.map((component) => working[component]))
  const { vision, qformer, languageModel } = weights
  const twice = [
    ...(isQuantized(dtype.languageModel) ? [languageModel - vision - qformer] : []),
    ...(isQuantized(dtype.vision) ? [vision - qformer] : []),
  ]
  const repacking = Math.max(0, ...twice)
  return {
    weights,
    working,
    cache,
    repacking,
    program: PROGRAM_BYTES,
    peak: totalOf(weights) + Math.max(most + cache, repacking) + PROGRAM_BYTES,
  }
}

const isQuantized = (dtype: ModelDtype[keyof ModelDtype]): boolean => dtype !== undefined && dtype !== 'float32'

function visionWork({ vision }: AnyArchitecture): number {
  const p = new Scope(new Graph())
  const images = p.graph.input('images', 'float32', [1, 3, vision.imageSize, vision.imageSize])
  return liveBytes([vit(p, requireDrawn(vision, 'an estimate'), images).output])
}

function bridgeWork(config: AnyArchitecture): number {
  const p = new Scope(new Graph())
  const features = p.graph.input('features', 'float32', [1, featureTokens(config.vision), config.vision.width])
  const queried = queryImage(p, config, visionNorm(p, config, features)).output
  return liveBytes([softPromptOf(p, config, config.language, queried)])
}

function languageWork(config: AnyArchitecture): number {
  const { language, qformer } = config
  const p = new Scope(new Graph())
  const width = language.kind === 'opt' ? (language.embeddingWidth ?? language.width) : language.width
  const prompt = p.graph.input('prompt', 'float32', [1, qformer.queries, width])
  const ids = p.graph.input('ids', 'int64', [1, PROMPT_TOKENS])
  const mask = p.graph.input('mask', 'int64', [1, PROMPT_TOKENS])
  if (language.kind === 'opt') {
    const { output } = decodeText(p, { ...config, language }, prompt, ids, mask)
    return liveBytes([optHead(p.in(OPT_MODEL), language, output)])
  }
  const { encoded, mask: encodedMask } = encodePrefix(p, { ...config, language }, prompt, ids, mask)
  const model = p.in(T5_MODEL)
  return liveBytes([t5Head(model, language, t5Decode(model, language, { ids, mask, encoded, encodedMask }).output)])
}

function keyValueBytes({ language, qformer }: AnyArchitecture): number {
  const prompt = qformer.queries + PROMPT_TOKENS
  if (language.kind === 'opt') return 2 * language.layers * (prompt + CAPTION_TOKENS) * language.width * FLOAT
  const width = language.heads * language.headSize
  return 2 * language.decoderLayers * (prompt + CAPTION_TOKENS) * width * FLOAT
}
