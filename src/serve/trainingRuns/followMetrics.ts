import { setTimeout as delay } from 'node:timers/promises'
import { type MetricsLine, MetricsTail } from '../../train/metricsTail.js'

export type MetricsStep =
  | { readonly kind: 'rows'; readonly rows: readonly MetricsLine[] }
  /** The run went back to a checkpoint: what was read before no longer holds. */
  | { readonly kind: 'restart' }
  /** Nothing new for a while. */
  | { readonly kind: 'idle' }

/** Rows of one step: a long training is sent in parts. */
const ROWS = 1000

/**
 * The metrics of a training run: the rows that are there, then those that come. The file is looked at every
 * `intervalMs`; `idle` steps come when nothing did for `idleMs`. Ends with the signal's reason.
 */
export async function* followMetrics(
  path: string,
  signal: AbortSignal,
  { intervalMs = 1000, idleMs = 15_000 } = {},
): AsyncGenerator<MetricsStep, void> {
  const tail = new MetricsTail(path)
  let known = await tail.read()
  let sent = 0
  let quietSince = Date.now()
  for (;;) {
    signal.throwIfAborted()
    const lines = await tail.read()
    // The tail begins a new array when it reads the file anew.
    if (lines !== known) {
      known = lines
      sent = 0
      yield { kind: 'restart' }
    }
    while (sent < lines.length) {
      const rows = lines.slice(sent, sent + ROWS)
      sent += rows.length
      yield { kind: 'rows', rows }
      quietSince = Date.now()
    }
    if (Date.now() - quietSince >= idleMs) {
      yield { kind: 'idle' }
      quietSince = Date.now()
    }
    await delay(intervalMs, undefined, { signal })
  }
}
