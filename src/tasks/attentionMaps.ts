import { ConfigError } from '../errors.js'
import type { PictureAttention } from './attentionReader.js'

/**
 * Where each query looks: the mean over the heads of one layer, class token left out. Where the attention was read with
 * gradients, what of it speaks for a match: each probability times its gradient where that is above 0 (Grad-CAM as the
 * authors' code computes it for matching).
 * layer: its number in the Q-Former; default the last one that has cross-attention. -> [queries, rows * columns]
 *
 * @throws ConfigError for a layer without cross-attention.
 */
export function queryMaps(attention: PictureAttention, layer?: number): Float32Array[] {
  const { layers, heads, queries, rows, columns } = attention
  const chosen = layer === undefined ? layers.at(-1) : layers.find((one) => one.layer === layer)
  if (!chosen)
    throw new ConfigError(
      `layer ${layer} has no cross-attention; expected one of ${layers.map((one) => one.layer).join(', ')}`,
    )
  const { probabilities, gradients } = chosen
  const weight = (at: number) => probabilities[at]! * (gradients ? Math.max(0, gradients[at]!) : 1)
  const patches = rows * columns
  return Array.from({ length: queries }, (_, query) => {
    const map = new Float32Array(patches)
    for (let head = 0; head < heads; head++) {
      const start = (head * queries + query) * (1 + patches) + 1
      for (let i = 0; i < patches; i++) map[i]! += weight(start + i) / heads
    }
    return map
  })
}

/** The mean of several maps of one size. */
export function meanMap(maps: readonly ArrayLike<number>[]): Float32Array {
  const mean = new Float32Array(maps[0]!.length)
  for (const map of maps) for (let i = 0; i < mean.length; i++) mean[i]! += map[i]! / maps.length
  return mean
}
