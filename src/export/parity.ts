import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { CROSS } from '../generate/t5Encoding.js'
import { Graph } from '../graph/index.js'
import { decodeImage } from '../image/decode.js'
import { writePixels } from '../image/preprocess.js'
import { relativeBucket, T5_START } from '../models/t5.js'
import { CompiledFunction, float32, int64, type Value } from '../runtime/index.js'
import type { ModelWeights } from '../tasks/modelWeights.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { EXPORTED, type Exported, type PartDrawing } from './drawParts.js'

/** How far the outputs of an exported graph are from this package's. */
export interface PartParity {
  /** The largest difference of two values. */
  readonly largestDifference: number
  /** The largest value, to hold it against. */
  readonly largestValue: number
}

type Values = Readonly<Record<string, Value>>

const PICTURE = fileURLToPath(new URL('../../assets/demo/noto-v1-octopus.png', import.meta.url))
/** Any two tokens that every vocabulary has. */
const TOKENS = [2, 5] as const
/** OPT's position table begins with two rows that no token has. */
const POSITION_OFFSET = 2

/** Runs a picture through the exported files with plain onnxruntime, and each graph on the same inputs as this package does. */
export async function parityOf(
  directory: string,
  config: ModelConfig,
  drawings: Readonly<Record<Exported, PartDrawing>>,
  weights: ModelWeights,
  promptTokens: number,
): Promise<Record<Exported, PartParity>> {
  const parity = {} as Record<Exported, PartParity>
  let results: Values = { images: await pixels(config) }
  for (const name of EXPORTED) {
    const feeds = feedsOf(name, config, results, promptTokens)
    const exported = await runExported(join(directory, `${name}.onnx`), feeds)
    const { part, draw } = drawings[name]
    const graph = new Graph()
    const compiled = await CompiledFunction.create(graph, draw(graph), weights[part]!)
    parity[name] = compare(exported, await compiled.run(feeds))
    await compiled.dispose()
    results = { ...results, ...exported }
  }
  return parity
}

async function pixels({ vision: { imageSize: size }, mean, std }: ModelConfig): Promise<Value> {
  const values = new Float32Array(3 * size * size)
  writePixels(await decodeImage(PICTURE), { size, mean, std }, values)
  return float32([1, 3, size, size], values)
}

/** The inputs of a graph: what the graphs before it gave, and tokens. */
function feedsOf(name: Exported, { language, qformer }: ModelConfig, results: Values, promptTokens: number): Values {
  if (name === 'vision') return { images: results['images']! }
  if (name === 'qformer') return { features: results['features']! }
  const [first, next] = TOKENS
  const { queries } = qformer
  const length = queries + promptTokens
  const ones = (count: number) => int64([1, count], new Array<number>(count).fill(1))
  const ids = int64([1, promptTokens], new Array<number>(promptTokens).fill(first))
  const prompt = results['prompt']!
  if (name === 'prefill' && language.kind === 'opt') {
    const last = new Float32Array(length)
    last[length - 1] = 1
    return { prompt, ids, mask: ones(length), last: float32([1, 1, length], last) }
  }
  if (name === 'prefill') return { prompt, ids, mask: ones(promptTokens), start: int64([1, 1], [T5_START]) }
  const row = int64([1], [0])
  const step = { ids: int64([1, 1], [next]), parents: row, ...past(results) }
  if (language.kind === 'opt')
    return {
      ...step,
      positions: int64([1, 1], [length + POSITION_OFFSET]),
      pastBias: float32([1, 1, 1, length], new Float32Array(length)),
    }
  const cross = Object.entries(results).filter(([output]) => output.startsWith(CROSS))
  return {
    ...step,
    sources: row,
    pastBuckets: int64([1, 1], [relativeBucket(-1, language, 'decoder')]),
    encodedMask: ones(length),
    ...Object.fromEntries(cross),
  }
}

/** Keys and values of the call before. */
const past = (results: Values): Values =>
  Object.fromEntries(
    Object.entries(results)
      .filter(([name]) => /^(key|value)\.\d+$/.test(name))
      .map(([name, value]) => [`past.${name}`, value]),
  )

/** Nothing of this package: the file as anyone would run it. */
async function runExported(path: string, feeds: Values): Promise<Values> {
  const session = await InferenceSession.create(path)
  try {
    const tensor = ({ dtype, data, shape }: Value) =>
      dtype === 'int64'
        ? new OrtTensor('int64', data as BigInt64Array, shape)
        : new OrtTensor('float32', data as Float32Array, shape)
    const outputs = await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)])),
    )
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { dims, data }]) => [name, float32([...dims], data as Float32Array)]),
    )
  } finally {
    await session.release()
  }
}

function compare(exported: Values, own: Values): PartParity {
  let [largestDifference, largestValue] = [0, 0]
  for (const [name, { data }] of Object.entries(own) as [string, Value<'float32'>][]) {
    const other = exported[name]!.data as Float32Array
    for (let i = 0; i < data.length; i++) {
      largestDifference = Math.max(largestDifference, Math.abs(data[i]! - other[i]!))
      largestValue = Math.max(largestValue, Math.abs(data[i]!))
    }
  }
  return { largestDifference, largestValue }
}
