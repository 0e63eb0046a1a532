import { ShapeError } from '../errors.js'

// PyTorch's bicubic kernel.
const CUBIC_A = -0.75

/**
 * A ViT's position table at another resolution: the class token's row stays, the grid is resized bicubically without
 * antialiasing, as PyTorch does it. CLIP aligns the corners, EVA does not (authors' code).
 * table: [1 + side * side, width] -> [1 + newSide * newSide, width]
 */
export function resizePositions(
  table: Float32Array,
  width: number,
  newSide: number,
  { alignCorners }: { alignCorners: boolean },
): Float32Array {
  const rows = table.length / width
  const side = Math.sqrt(rows - 1)
  if (!Number.isInteger(side))
    throw new ShapeError(`a position table has 1 + side x side rows, got ${rows} of width ${width}`)
  if (side === newSide) return table.slice()
  const taps = Array.from({ length: newSide }, (_, i) => cubicTaps(i, side, newSide, alignCorners))
  const resized = new Float32Array((1 + newSide * newSide) * width)
  resized.set(table.subarray(0, width))
  taps.forEach((vertical, y) => {
    taps.forEach((horizontal, x) => {
      const target = (1 + y * newSide + x) * width
      for (const [row, weightY] of vertical)
        for (const [column, weightX] of horizontal) {
          const source = (1 + row * side + column) * width
          const weight = weightY * weightX
          for (let i = 0; i < width; i++) resized[target + i]! += weight * table[source + i]!
        }
    })
  })
  return resized
}

/** The four source cells of a target cell, clamped to the edge, with their weights. */
function cubicTaps(index: number, from: number, to: number, alignCorners: boolean): [cell: number, weight: number][] {
  const aligned = to > 1 ? (index * (from - 1)) / (to - 1) : 0
  const position = alignCorners ? aligned : ((index + 0.5) * from) / to - 0.5
  const base = Math.floor(position)
  return [-1, 0, 1, 2].map((step) => [
    Math.min(Math.max(base + step, 0), from - 1),
    cubicWeight(Math.abs(position - base - step)),
  ])
}

function cubicWeight(distance: number): number {
  const d = distance
  if (d <= 1) return ((CUBIC_A + 2) * d - (CUBIC_A + 3)) * d * d + 1
  return d < 2 ? ((CUBIC_A * d - 5 * CUBIC_A) * d + 8 * CUBIC_A) * d - 4 * CUBIC_A : 0
}
