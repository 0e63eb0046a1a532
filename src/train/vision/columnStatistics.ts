export interface ColumnStatistics {
  /** [width] */
  readonly mean: Float32Array
  /** [width], never zero */
  readonly std: Float32Array
}

const SMALLEST_VARIANCE = 1e-12

/** Mean and standard deviation of each column. rows: [any, width] */
export function columnStatistics(rows: Float32Array, width: number): ColumnStatistics {
  const count = rows.length / width
  const sums = new Float64Array(width)
  const squares = new Float64Array(width)
  for (let start = 0; start < rows.length; start += width)
    for (let column = 0; column < width; column++) {
      const value = rows[start + column]!
      sums[column]! += value
      squares[column]! += value * value
    }
  const mean = sums.map((sum) => sum / count)
  const std = squares.map((square, i) => Math.sqrt(Math.max(square / count - mean[i]! ** 2, SMALLEST_VARIANCE)))
  return { mean: Float32Array.from(mean), std: Float32Array.from(std) }
}
