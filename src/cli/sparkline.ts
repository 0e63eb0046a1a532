const LEVELS = '▁▂▃▄▅▆▇█'

/** A curve in one line of at most `width` characters; each shows the mean of its part of the values. */
export function sparkline(values: readonly number[], width: number): string {
  const columns = Math.min(width, values.length)
  const means = Array.from({ length: columns }, (_, i) => {
    const part = values.slice(
      Math.floor((i * values.length) / columns),
      Math.floor(((i + 1) * values.length) / columns),
    )
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
  const [low, high] = [Math.min(...means), Math.max(...means)]
  const level = (value: number) => (high > low ? Math.round(((value - low) / (high - low)) * (LEVELS.length - 1)) : 0)
  return means.map((value) => LEVELS[level(value)]).join('')
}
