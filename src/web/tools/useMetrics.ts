import { useEffect, useState } from 'preact/hooks'
import { stream } from '../api/client.js'

/** A training's metrics, column by column; a step that lacks one has null there. */
export interface Metrics {
  readonly steps: readonly number[]
  readonly columns: ReadonlyMap<string, readonly (number | null)[]>
}

const NONE: Metrics = { steps: [], columns: new Map() }

/** The metrics of a run, those to come too. */
export function useMetrics(run: string): { readonly metrics: Metrics; readonly problem: string | undefined } {
  const [metrics, setMetrics] = useState(NONE)
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    const controller = new AbortController()
    const follow = async () => {
      const path = `/v1/runs/${encodeURIComponent(run)}/events`
      for await (const { event, data } of stream(path, undefined, controller.signal)) {
        if (event === 'restart') setMetrics(NONE)
        if (event === 'rows') setMetrics((known) => append(known, data as Row[]))
      }
    }
    follow().catch((error: Error) => {
      if (!controller.signal.aborted) setProblem(error.message)
    })
    return () => controller.abort()
  }, [run])
  return { metrics, problem }
}

type Row = Readonly<Record<string, unknown>>

export function append({ steps, columns }: Metrics, rows: readonly Row[]): Metrics {
  const usable = rows.filter((row) => typeof row['step'] === 'number')
  const names = new Set([...columns.keys(), ...usable.flatMap((row) => Object.keys(row))])
  names.delete('step')
  const grown = [...names].map((name) => {
    const before = columns.get(name) ?? steps.map(() => null)
    const added = usable.map((row) => (typeof row[name] === 'number' ? row[name] : null))
    return [name, [...before, ...added]] as const
  })
  return { steps: [...steps, ...usable.map((row) => row['step'] as number)], columns: new Map(grown) }
}
