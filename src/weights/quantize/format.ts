import { type Bits, blobBytes, blocksOf } from './blocks.js'

/**
 * How a quantised weight lies in a safetensors file: its name has the values as U8 [out, blocks, bytes of a block],
 * NAME.scales as F32 [out, blocks], and NAME.zero_points, where it is asymmetric, as U8 [out, bytes of a row's]. The
 * shapes tell the bits, so nothing else has to be written down. Weights that are not quantised are F32.
 */
export const scalesOf = (name: string): string => `${name}.scales`
export const zeroPointsOf = (name: string): string => `${name}.zero_points`

/** 32 stands for float32. */
export type WeightBits = Bits | 32

/** Bytes of a weight of these bits, scales included; zero points, where there are some, add at most a 32nd. */
export function storedBytes(shape: readonly number[], bits: WeightBits): number {
  if (bits === 32) return 4 * shape.reduce((product, size) => product * size, 1)
  const [rows, columns] = shape as [number, number]
  return rows * blocksOf(columns) * (blobBytes(bits) + 4)
}
