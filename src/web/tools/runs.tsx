import { useEffect, useState } from 'preact/hooks'
import { ask, type RunSummary } from '../api/client.js'
import { Empty, Problem } from '../parts/controls.js'
import { useWork } from '../parts/useWork.js'
import { Curve } from './curve.js'
import { useMetrics } from './useMetrics.js'

/** Training runs with their curves, which grow as the training does. */
export function RunsTool(props: { readonly shown: boolean; readonly active: boolean; readonly theme: string }) {
  const { shown, active, theme } = props
  const [runs, setRuns] = useState<readonly RunSummary[]>()
  const [name, setName] = useState<string>()
  const work = useWork()
  useEffect(() => {
    if (!shown || !active) return
    work.start(async (signal) => {
      const found = await ask<{ runs: RunSummary[] }>('/v1/runs', undefined, signal)
      setRuns(found.runs)
      setName((current) => current ?? found.runs[0]?.name)
    })
  }, [shown, active])

  if (!shown)
    return (
      <div class="card">
        <h2>Training</h2>
        <Empty>
          Start the server with <code>--runs DIRECTORY</code> to watch the trainings in it.
        </Empty>
      </div>
    )
  return (
    <div class="card">
      <h2>Training</h2>
      <Problem message={work.error} />
      {runs?.length === 0 && <Empty>There are no runs in the server’s folder yet.</Empty>}
      {runs && runs.length > 0 && (
        <label class="field run-choice">
          <span class="field-label">Run</span>
          <select value={name} onChange={(event) => setName(event.currentTarget.value)}>
            {runs.map((run) => (
              <option key={run.name} value={run.name}>
                {run.name}
              </option>
            ))}
          </select>
        </label>
      )}
      {name !== undefined && active && <RunCurves key={name} name={name} theme={theme} />}
    </div>
  )
}

/** Shown first, in this order; the others follow as they come. */
const FIRST = ['loss', 'itc', 'itm', 'itg']

function RunCurves({ name, theme }: { readonly name: string; readonly theme: string }) {
  const { metrics, problem } = useMetrics(name)
  const place = (metric: string) => (FIRST.includes(metric) ? FIRST.indexOf(metric) : FIRST.length)
  const names = [...metrics.columns.keys()].sort((a, b) => place(a) - place(b))
  return (
    <>
      <Problem message={problem} />
      {metrics.steps.length === 0 && !problem && <Empty>Waiting for the first step …</Empty>}
      {metrics.steps.length > 0 && (
        <p class="lead" role="status">
          Step {metrics.steps.at(-1)!.toLocaleString('en')}
        </p>
      )}
      <div class="curves">
        {names.map((metric) => (
          <Curve
            key={`${metric} ${theme}`}
            label={metric}
            steps={metrics.steps}
            values={metrics.columns.get(metric)!}
          />
        ))}
      </div>
    </>
  )
}
