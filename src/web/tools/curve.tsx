import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

const HEIGHT = 170
/** Of the exponential mean that lies over the values. */
const SMOOTHING = 0.9

/** One metric over the steps, pale as it is and in colour as its running mean. Remount it when the theme changes. */
export function Curve(props: {
  readonly label: string
  readonly steps: readonly number[]
  readonly values: readonly (number | null)[]
}) {
  const { label, steps, values } = props
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  useEffect(() => {
    const element = place.current!
    const made = new uPlot(options(element.clientWidth), [[], [], []], element)
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [])
  useEffect(() => plot.current?.setData([[...steps], [...values], smooth(values)]), [steps, values])
  const last = values.findLast((value) => value !== null)
  return (
    <figure class="curve">
      <figcaption>
        <span>{label}</span> <strong>{last == null ? '–' : format(last)}</strong>
      </figcaption>
      <div ref={place} role="img" aria-label={`Curve of ${label}, now ${last == null ? 'unknown' : format(last)}`} />
    </figure>
  )
}

const format = (value: number): string => Number(value.toPrecision(4)).toString()

function smooth(values: readonly (number | null)[]): (number | null)[] {
  let mean: number | undefined
  return values.map((value) => {
    if (value === null) return mean ?? null
    mean = mean === undefined ? value : SMOOTHING * mean + (1 - SMOOTHING) * value
    return mean
  })
}

function options(width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string) => style.getPropertyValue(name).trim()
  const axis = {
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  }
  const line = { points: { show: false }, spanGaps: true }
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, points: { show: false } },
    legend: { show: false },
    scales: { x: { time: false } },
    padding: [8, 18, 0, 0],
    axes: [
      { ...axis, size: 28, space: 60, grid: { show: false } },
      { ...axis, size: 56, space: 32, values: (_, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      { ...line, stroke: color('--curve-pale'), width: 1 },
      { ...line, stroke: color('--accent'), width: 2 },
    ],
  }
}
