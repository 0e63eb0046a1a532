import type { Context } from 'hono'
import { z } from 'zod'
import { eventStream, type ServerSentEvent } from '../http/eventStream.js'
import { errorBody, HttpError, httpErrorOf } from '../http/httpError.js'
import { RequestScope } from '../http/requestScope.js'
import { followMetrics } from '../trainingRuns/followMetrics.js'
import type { TrainingRuns } from '../trainingRuns/trainingRuns.js'
import type { Services } from '../services.js'
import type { ReadRoute } from './readRoute.js'

const row = z.record(z.string(), z.unknown()).describe('a line of metrics.jsonl: step, losses, rates')
const summary = z.object({ name: z.string(), updated: z.iso.datetime(), latest: row.nullable() })

/** Trainings as they go on, for curves. */
export function runRoutes({ runs, scopes }: Services): readonly ReadRoute[] {
  return [
    {
      path: '/v1/runs',
      summary: 'Training runs, the one written last first',
      result: z.object({ runs: z.array(summary) }),
      answer: async (c) => c.json({ runs: await known(runs).list() }),
    },
    {
      path: '/v1/runs/{run}',
      summary: 'The settings of a training run',
      result: z.object({ name: z.string(), config: z.unknown() }),
      answer: async (c) => {
        const name = c.req.param('run')!
        return c.json({ name, config: (await known(runs).config(name)) ?? missing(name) })
      },
    },
    {
      path: '/v1/runs/{run}/events',
      summary: 'The metrics of a training run, those to come too',
      description:
        'Server-sent events: `rows` with an array of lines of metrics.jsonl, first those that are there; `restart` when the run went back to a checkpoint and the lines come anew.',
      result: 'text/event-stream',
      answer: async (c) => {
        const name = c.req.param('run')!
        const path = (await known(runs).metricsPath(name)) ?? missing(name)
        return eventStream(metricEvents(c, path, scopes), {
          onError: (error) => ({ event: 'error', data: JSON.stringify(errorBody(httpErrorOf(error))) }),
        })
      },
    },
  ]
}

/** Bound to the client's connection alone: a training takes hours. */
async function* metricEvents(
  c: Context,
  path: string,
  scopes: Set<RequestScope>,
): AsyncGenerator<ServerSentEvent, void> {
  const scope = RequestScope.open(c.req.raw.signal, scopes)
  try {
    for await (const step of followMetrics(path, scope.signal)) {
      if (step.kind === 'idle') yield { comment: 'nothing new' }
      else if (step.kind === 'restart') yield { event: 'restart', data: '{}' }
      else yield { event: 'rows', data: JSON.stringify(step.rows) }
    }
  } finally {
    scope.dispose()
  }
}

function known(runs: TrainingRuns | undefined): TrainingRuns {
  if (!runs) throw new HttpError(404, 'NO_RUNS', 'this server shows no training runs; start it with --runs')
  return runs
}

function missing(name: string): never {
  throw new HttpError(404, 'NO_RUN', `no training run is called '${name.slice(0, 100)}'; GET /v1/runs lists them`)
}
