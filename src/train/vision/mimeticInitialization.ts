import { IMAGE_ENCODER } from '../../models/imageEncoder.js'
import { placeCodes } from '../../models/placeCodes.js'
import { type ClipVitConfig, patchCount } from '../../models/vit.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { fillNormal } from '../random/initializers.js'
import { Random } from '../random/random.js'

/** Score of a token of unit variance with itself, over the square root of its width. */
const ATTENTION_GAIN = 0.7
const VALUE_STD = 0.7
/** How much of what a token attends to is taken away from it, and how much chance there is beside. */
const OUTPUT_GAIN = -0.5
const OUTPUT_NOISE = 0.4

/**
 * Starts a small encoder where long trainings end up (Trockman and Kolter, Mimetic Initialization of Self-Attention
 * Layers, ICML 2023): tokens look at tokens like themselves and near to them, with sines and cosines for places, and
 * take away what they see. After 200 steps it has learned what takes about 300 without (docs/log.md).
 */
export function initializeMimetic(memory: ParameterMemory, config: ClipVitConfig, seed: number): void {
  const side = Math.sqrt(patchCount(config))
  memory.value(`${IMAGE_ENCODER}.positional_embedding`).set(placeCodes(side, config.width, 1 / Math.sqrt(config.width)))
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `${IMAGE_ENCODER}.transformer.resblocks.${layer}.attn`
    fillAttention(
      memory.value(`${name}.in_proj_weight`),
      memory.value(`${name}.out_proj.weight`),
      config,
      new Random(seed, name),
    )
  }
}

/** projection: [3 * width, width], rows of query, key and value; output: [width, width] */
function fillAttention(projection: Float32Array, output: Float32Array, config: ClipVitConfig, random: Random): void {
  const { width, heads } = config
  const square = width * width
  const [query, key, value] = [0, 1, 2].map((role) => projection.subarray(role * square, (role + 1) * square)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  fillNormal(random, query, Math.sqrt(ATTENTION_GAIN / Math.sqrt((width * width) / heads)))
  key.set(query)
  fillNormal(random, value, VALUE_STD / Math.sqrt(width))
  fillNormal(random, output, OUTPUT_NOISE / Math.sqrt(width))
  for (let row = 0; row < width; row++)
    for (let column = 0; column < width; column++)
      output[row * width + column]! += OUTPUT_GAIN * value[column * width + row]!
}
