import { defaultCacheDirectory } from '../../weights/cacheDirectory.js'
import { type GraphWeights, heldWeights } from '../../weights/heldWeights.js'
import type { OnnxPart } from '../../weights/onnxPart.js'
import type { FrozenPart, PartSource } from '../../weights/partSource.js'
import type { WeightBits } from '../../weights/quantize/format.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import type { Communicator } from '../comm/communicator.js'
import { rootFirst } from '../comm/rootFirst.js'
import { visionSpecs } from '../partSpecs.js'
import type { EncoderWeights } from '../pretrain/frozenEncoder.js'
import type { RecipeOptions } from './recipe.js'

export interface FrozenSettings extends Pick<RecipeOptions, 'cacheDir' | 'onStatus' | 'signal'> {
  /** The ranks that open the same part (default: this process alone). */
  readonly communicator?: Communicator
  /** How weights are quantised, once, into the cache (default: not at all). */
  readonly bits?: (name: string) => WeightBits
}

/**
 * A frozen part ready for graphs: read into memory where it is small, mapped from its file otherwise. What has to be
 * converted for that is converted once, by rank 0, into the cache.
 */
export function openFrozen(
  { source, wanted }: FrozenPart,
  { communicator, cacheDir, onStatus, signal, bits }: FrozenSettings,
): Promise<GraphWeights> {
  let told = false
  const open = () =>
    source.open(wanted, {
      cacheDirectory: cacheDir ?? defaultCacheDirectory(),
      onConversion: () => {
        if (!told) onStatus?.('converting frozen weights (once) ...')
        told = true
      },
      ...(signal ? { signal } : {}),
      ...(bits ? { bits } : {}),
    })
  return communicator ? rootFirst(communicator, open) : open()
}

/** The same for graphs that gradients pass through, which needs 8 bits or float32: fewer are widened, into memory. */
export async function openDifferentiable(part: FrozenPart, settings: FrozenSettings): Promise<GraphWeights> {
  const opened = await openFrozen(part, settings)
  const isCoarse = (name: string) => {
    const source = opened.weight(name)
    return source.kind === 'quantized' && source.bits < 8
  }
  const { source, wanted } = part
  return [...wanted.keys()].some(isCoarse) ? heldWeights(await source.load(wanted)) : opened
}

/** The frozen image encoder of a training: weights by name, or an ONNX file. */
export const visionPart = (
  source: PartSource | OnnxPart,
  config: Pick<ModelConfig, 'vision'>,
): FrozenPart | OnnxPart => ('onnx' in source ? source : { source, wanted: visionSpecs(config) })

/** The encoder as a training runs it. */
export const frozenEncoderOf = (
  { vision, mean, std }: Pick<ModelConfig, 'vision' | 'mean' | 'std'>,
  part: FrozenPart | OnnxPart,
  settings: FrozenSettings,
): EncoderWeights => ({
  config: vision,
  mean,
  std,
  open: async () => ('onnx' in part ? part : openFrozen(part, settings)),
})
