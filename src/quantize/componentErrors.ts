import { Graph, slice, type Tensor } from '../graph/index.js'
import { decodeImage, type ImageSource } from '../image/decode.js'
import { writePixels } from '../image/preprocess.js'
import { decodeText, encodePrefix, OPT_MODEL, queryImage, softPromptOf, T5_MODEL, visionNorm } from '../models/blip2.js'
import { imageFeatures, requireDrawn } from '../models/imageEncoder.js'
import { optHead } from '../models/opt.js'
import { T5_START, t5Decode, t5Head } from '../models/t5.js'
import { Scope } from '../nn/scope.js'
import { CompiledFunction, float32, int64, type Value } from '../runtime/index.js'
import { openModelWeights } from '../tasks/modelWeights.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { TokenizerJson } from '../text/tokenizerJson.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import type { ModelConfig, ModelDirectory } from '../weights/modelDirectory.js'

/** What quantisation changes, against the same model in float32. */
export interface ComponentError {
  /** Of the encoder's features: root of the mean square difference over that of the features. */
  readonly features?: number
  /** Of the next-token logits over a given text, each row of logits taken relative to its mean. */
  readonly logits?: number
  /** Share of the positions of the text whose most likely next token stays the same. */
  readonly nextTokenAgreement?: number
}

export interface ComponentErrors {
  /** With the encoder alone quantised. */
  readonly vision: ComponentError
  /** With the language model alone quantised; absent where there is none. */
  readonly languageModel?: ComponentError
  /** As the quantised model runs. */
  readonly together?: ComponentError
}

export interface CompareOptions {
  readonly pictures: readonly ImageSource[]
  /** For float32 copies of half-precision weights. */
  readonly cacheDirectory: string
  readonly signal?: AbortSignal
}

/** Any text of everyday English will do: what is compared is how likely each next token is. */
const TEXT = 'a photo of a man in a red jacket who is standing next to a fire engine in front of a house, smiling'
/** T5's encoder reads a prompt before its decoder writes. */
const PREFIX = 'Question: what is in the picture? Answer:'

/** Runs both models over pictures and a text, component by component: features of the encoder, then logits of the text. */
export async function componentErrors(
  original: ModelDirectory,
  quantized: ModelDirectory,
  { pictures, cacheDirectory, signal }: CompareOptions,
): Promise<ComponentErrors> {
  const { config } = original
  const options = { cacheDirectory, ...(signal ? { signal } : {}) }
  const [exact, coarse] = [await openModelWeights(original, options), await openModelWeights(quantized, options)]
  const images = await pixelsOf(config, pictures, signal)
  const encode = (weights: GraphWeights) => run(weights, (p) => drawFeatures(p, config, images), { images }, signal)
  const [features, coarseFeatures] = [await encode(exact.vision), await encode(coarse.vision)]
  const featureError = { features: relativeDifference(features, coarseFeatures) }
  const { stage2, language } = exact
  if (!stage2 || !language || !coarse.language) return { vision: featureError }

  const bridge = async (of: Value) => run(stage2, (p) => drawPrompt(p, config, of), { features: of }, signal)
  const [prompt, coarsePrompt] = [await bridge(features), await bridge(coarseFeatures)]
  const texts = await textsOf(original, pictures.length)
  const write = (weights: GraphWeights, of: Value) =>
    run(weights, (p) => drawLogits(p, config, of, texts), { prompt: of, ...texts }, signal)
  const expected = await write(language, prompt)
  return {
    vision: { ...featureError, ...logitsError(expected, await write(language, coarsePrompt)) },
    languageModel: logitsError(expected, await write(coarse.language, prompt)),
    together: { ...featureError, ...logitsError(expected, await write(coarse.language, coarsePrompt)) },
  }
}

/** Runs what `draw` gives once. */
async function run(
  weights: GraphWeights,
  draw: (p: Scope) => Tensor,
  feeds: Readonly<Record<string, Value>>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  signal?.throwIfAborted()
  const graph = new Graph()
  const compiled = await CompiledFunction.create(graph, { result: draw(new Scope(graph)) }, weights)
  try {
    return (await compiled.run(feeds)).result
  } finally {
    await compiled.dispose()
  }
}

const inputLike = ({ graph }: Scope, name: string, { dtype, shape }: Value): Tensor => graph.input(name, dtype, shape)

const drawFeatures = (p: Scope, { vision }: ModelConfig, images: Value): Tensor =>
  imageFeatures(p, requireDrawn(vision, 'quantisation'), inputLike(p, 'images', images))

function drawPrompt(p: Scope, config: ModelConfig, features: Value): Tensor {
  const image = visionNorm(p, config, inputLike(p, 'features', features))
  return softPromptOf(p, config, config.language, queryImage(p, config, image).output)
}

/** The texts of all pictures; T5 has one for its encoder as well. */
type Texts = Readonly<Record<'ids' | 'mask', Value>> & Partial<Readonly<Record<'prefix' | 'prefixMask', Value>>>

/** -> [pictures, tokens, vocabulary] */
function drawLogits(p: Scope, config: ModelConfig, promptLike: Value, texts: Texts): Tensor {
  const { language } = config
  const prompt = inputLike(p, 'prompt', promptLike)
  const [ids, mask] = [inputLike(p, 'ids', texts.ids), inputLike(p, 'mask', texts.mask)]
  if (language.kind === 'opt') {
    const { output } = decodeText(p, { ...config, language }, prompt, ids, mask)
    const queries = prompt.size(1) as number
    return optHead(p.in(OPT_MODEL), language, slice(output, 1, queries, output.size(1) as number))
  }
  const [prefix, prefixMask] = [inputLike(p, 'prefix', texts.prefix!), inputLike(p, 'prefixMask', texts.prefixMask!)]
  const encoder = encodePrefix(p, { ...config, language }, prompt, prefix, prefixMask)
  const model = p.in(T5_MODEL)
  const decoded = t5Decode(model, language, { ids, mask, encoded: encoder.encoded, encodedMask: encoder.mask })
  return t5Head(model, language, decoded.output)
}

async function textsOf({ config, readTokenizer }: ModelDirectory, rows: number): Promise<Texts> {
  const { language, qformer } = config
  const tokenizer = Tokenizer.fromJson((await readTokenizer('language')) as TokenizerJson)
  const repeat = (ids: readonly number[]) => int64([rows, ids.length], Array.from({ length: rows }, () => ids).flat())
  const ones = (ids: readonly number[]) => repeat(ids.map(() => 1))
  if (language.kind === 'opt') {
    const ids = tokenizer.encode(TEXT, { maxLength: language.maxPositions - qformer.queries })
    return { ids: repeat(ids), mask: ones(ids) }
  }
  const [ids, prefix] = [[T5_START, ...tokenizer.encode(TEXT, { addSpecialTokens: false })], tokenizer.encode(PREFIX)]
  return { ids: repeat(ids), mask: ones(ids), prefix: repeat(prefix), prefixMask: ones(prefix) }
}

/** -> [pictures, 3, size, size] */
async function pixelsOf(
  { vision: { imageSize: size }, mean, std }: ModelConfig,
  pictures: readonly ImageSource[],
  signal: AbortSignal | undefined,
): Promise<Value> {
  const each = 3 * size * size
  const pixels = new Float32Array(pictures.length * each)
  for (const [i, picture] of pictures.entries())
    writePixels(await decodeImage(picture, signal), { size, mean, std }, pixels.subarray(i * each, (i + 1) * each))
  return float32([pictures.length, 3, size, size], pixels)
}

function logitsError(expected: Value, found: Value): Required<Omit<ComponentError, 'features'>> {
  const vocabulary = expected.shape.at(-1)!
  const rows = expected.data.length / vocabulary
  const row = ({ data }: Value, i: number) => (data as Float32Array).subarray(i * vocabulary, (i + 1) * vocabulary)
  let [difference, size, agreeing] = [0, 0, 0]
  for (let i = 0; i < rows; i++) {
    const [one, other] = [row(expected, i), row(found, i)]
    const [mean, otherMean] = [meanOf(one), meanOf(other)]
    for (let j = 0; j < vocabulary; j++) {
      size += (one[j]! - mean) ** 2
      difference += (one[j]! - mean - (other[j]! - otherMean)) ** 2
    }
    if (indexOfLargest(one) === indexOfLargest(other)) agreeing++
  }
  return { logits: Math.sqrt(difference / size), nextTokenAgreement: agreeing / rows }
}

function relativeDifference(expected: Value, found: Value): number {
  const [one, other] = [expected.data as Float32Array, found.data as Float32Array]
  let [difference, size] = [0, 0]
  for (let i = 0; i < one.length; i++) {
    size += one[i]! ** 2
    difference += (one[i]! - other[i]!) ** 2
  }
  return Math.sqrt(difference / size)
}

const meanOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

const indexOfLargest = (values: Float32Array): number =>
  values.reduce((best, value, i) => (value > values[best]! ? i : best), 0)
