import type { ColorMatrix } from './affineSampler.js'

/** Luma weights of ITU-R BT.601, as torchvision's grey conversion has them. */
const LUMA = [0.299, 0.587, 0.114] as const

/** What a colour jitter does, in the order the fields are listed. */
export interface ColorChange {
  /** Factor on all channels; 1 leaves them. */
  brightness: number
  /** Factor on the distance from mid-grey. */
  contrast: number
  /** 0 is grey, 1 leaves the colours. */
  saturation: number
  /** Turn of the hue circle in radians. */
  hue: number
  /** Black becomes white. */
  invert: boolean
}

/** The whole change as one affine map of colours, so that it costs one pass whatever it holds. */
export function colorMatrix({ brightness, contrast, saturation, hue, invert }: ColorChange): ColorMatrix {
  const sign = invert ? -1 : 1
  const gain = sign * brightness * contrast
  const shift = sign * 0.5 * (1 - contrast) + (invert ? 1 : 0)
  // Grey is unchanged by saturation and hue, so the shift, which is grey, can be added last.
  return multiply(hueRotation(hue), saturationMatrix(saturation)).flatMap((row) => [...row.map((x) => x * gain), shift])
}

function saturationMatrix(saturation: number): number[][] {
  return [0, 1, 2].map((i) => LUMA.map((weight, j) => weight * (1 - saturation) + (i === j ? saturation : 0)))
}

/** A turn about the grey axis (1, 1, 1): Rodrigues' formula. */
function hueRotation(angle: number): number[][] {
  const cos = Math.cos(angle)
  const third = (1 - cos) / 3
  const side = Math.sin(angle) / Math.sqrt(3)
  return [
    [cos + third, third - side, third + side],
    [third + side, cos + third, third - side],
    [third - side, third + side, cos + third],
  ]
}

function multiply(a: number[][], b: number[][]): number[][] {
  return a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)))
}
