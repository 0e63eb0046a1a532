import type { MeanWithInterval } from './statistics.js'

export interface Bar extends MeanWithInterval {
  readonly name: string
}

const [WIDTH, ROW, LEFT, RIGHT, TOP] = [640, 34, 190, 80, 40]

/** Horizontal bars from zero with their 95 % intervals, as an SVG that reads on light and dark pages. */
export function barPlot(title: string, score: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ mean, halfWidth = 0 }) => mean + halfWidth), Number.MIN_VALUE)
  const scale = (WIDTH - LEFT - RIGHT) / most
  const height = TOP + bars.length * ROW + 16
  const rows = bars.map(({ name, mean, halfWidth }, i) => {
    const y = TOP + i * ROW
    const end = LEFT + mean * scale
    const [low, high] = [Math.max(LEFT, end - (halfWidth ?? 0) * scale), end + (halfWidth ?? 0) * scale]
    const interval =
      halfWidth === undefined
        ? ''
        : `<path d="M${fixed(low)} ${y + 11}H${fixed(high)}M${fixed(low)} ${y + 6}v10M${fixed(high)} ${y + 6}v10" stroke="#c2410c" stroke-width="2" fill="none"/>`
    return `<text x="${LEFT - 8}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>
<rect x="${LEFT}" y="${y}" width="${fixed(Math.max(0, mean * scale))}" height="22" fill="#3b82a0"/>${interval}
<text x="${fixed(Math.max(high, end) + 6)}" y="${y + 15}">${shown(mean)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" font-size="13" fill="#6b7280">
<text x="0" y="18" font-size="15">${escaped(title)}: ${escaped(score)}</text>
${rows.join('\n')}
</svg>
`
}

/** Three significant digits. */
export const shown = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))

const fixed = (value: number): string => value.toFixed(1)

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
