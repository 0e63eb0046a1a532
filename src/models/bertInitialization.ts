import { WeightsError } from '../errors.js'
import { INITIAL_STD } from '../nn/layers.js'
import type { ParameterSpec } from '../nn/scope.js'

const QFORMER = 'Qformer.'
const WORDS = 'bert.embeddings.word_embeddings.weight'
const HEAD_BIAS = 'cls.predictions.bias'

/**
 * The Q-Former's weights that come from BERT (paper 3.1): embeddings, self-attention, the text's feed-forward layers, a
 * copy of them for the queries, and the language head. Cross-attention, queries and projections are not among them; they
 * keep their random initial values. Tokens that BERT lacks, such as [DEC], get random embeddings and bias 0.
 * Throws a WeightsError that lists what is missing or of another size.
 *
 * @param bert weights by their names in bert-base-uncased; norms may be called weight and bias or gamma and beta
 * @param specs of the Q-Former, as its scopes declared them; other names are passed over
 * @param normal draws from the standard normal distribution
 */
export function initializeFromBert(
  bert: ReadonlyMap<string, Float32Array>,
  specs: ReadonlyMap<string, ParameterSpec>,
  normal: () => number,
): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>()
  const problems: string[] = []
  for (const { name, shape } of specs.values()) {
    if (!name.startsWith(QFORMER) || name.includes('.crossattention.')) continue
    const source = sourceOf(name)
    const found = bert.get(source) ?? bert.get(legacyName(source))
    const size = shape.reduce((product, length) => product * length, 1)
    if (!found) problems.push(`${source} is missing`)
    else if (found.length === size) weights.set(name, found.slice())
    else if (canGrow(source, found, shape)) weights.set(name, grow(source, found, size, normal))
    else problems.push(`${source} has ${found.length} values, expected [${shape.join(', ')}]`)
  }
  if (problems.length > 0)
    throw new WeightsError(
      `these weights do not initialise the Q-Former: ${problems.join('; ')}. Use a BERT of the Q-Former's sizes, such as bert-base-uncased for the paper's.`,
    )
  return weights
}

/** Where a weight comes from: the queries' feed-forward layers are copies of the text's. */
const sourceOf = (name: string): string =>
  name.slice(QFORMER.length).replace('.intermediate_query.', '.intermediate.').replace('.output_query.', '.output.')

/** As TensorFlow called them; the released files still do. */
const legacyName = (name: string): string =>
  name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta')

function canGrow(source: string, found: Float32Array, [entries, width = 1]: readonly number[]): boolean {
  return (source === WORDS || source === HEAD_BIAS) && found.length % width === 0 && found.length < entries! * width
}

/** Rows for added tokens. */
function grow(source: string, found: Float32Array, size: number, normal: () => number): Float32Array {
  const grown = new Float32Array(size)
  grown.set(found)
  if (source === WORDS) for (let i = found.length; i < size; i++) grown[i] = INITIAL_STD * normal()
  return grown
}
