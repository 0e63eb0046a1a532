import type { BatchReport } from '../inference/dispatcher.js'
import { Metrics } from './metrics.js'

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const SIZES = [1, 2, 4, 8, 16, 32]

export interface ServerState {
  /** Requests that are worked on or wait. */
  readonly underWay: () => number
  /** Of these, those that wait for a model. */
  readonly waiting: () => number
}

export interface ServerMetrics {
  readonly registry: Metrics
  /** A request was answered; of a stream, it began. */
  readonly answered: (route: string, status: number, seconds: number) => void
  readonly batch: (batch: BatchReport) => void
  /** Adds what is read when it is asked for. */
  readonly watch: (state: ServerState) => void
}

/** What the server measures of itself. */
export function serverMetrics(): ServerMetrics {
  const registry = new Metrics()
  const requests = registry.counter('blip2_requests_total', 'Requests answered, by route and status.')
  const seconds = registry.histogram('blip2_request_seconds', 'Time until an answer, or until a stream began.', SECONDS)
  const batches = registry.histogram('blip2_batch_seconds', 'Time of a batch in the model.', SECONDS)
  const sizes = registry.histogram('blip2_batch_inputs', 'Inputs that ran together.', SIZES)
  registry.gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss())
  return {
    registry,
    answered: (route, status, time) => {
      requests.add({ route, status })
      seconds.observe(time, { route })
    },
    batch: ({ task, inputs, seconds: time }) => {
      batches.observe(time, { task })
      sizes.observe(inputs, { task })
    },
    watch: ({ underWay, waiting }) => {
      registry.gauge('blip2_requests_under_way', 'Requests that are worked on or wait.', underWay)
      registry.gauge('blip2_requests_waiting', 'Requests that wait for a model.', waiting)
    },
  }
}
