import { z } from 'zod'
import type { Metrics } from '../http/metrics.js'
import type { Services } from '../services.js'
import type { ReadRoute } from './readRoute.js'

const info = z.object({
  model: z.string(),
  version: z.string().describe('of the package'),
  limits: z.record(z.string(), z.number()),
  candidates: z.int().describe('captions that stage 1 compares where a request does not say how to search'),
  imageAddresses: z.boolean().describe('whether http(s) addresses of pictures are opened'),
  index: z.object({ pictures: z.int() }).nullable().describe('the index that /v1/search looks in'),
  runs: z.boolean().describe('whether training runs are shown'),
})

const models = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.literal('blip2') }),
  ),
})

export interface OperationsOptions {
  readonly version: string
  readonly imageAddresses: boolean
  readonly metrics: Metrics
  /** Whether requests are still taken. */
  readonly isOpen: () => boolean
}

/** How the server is, for machines that watch it and clients that ask. */
export function operationRoutes(
  { modelName, model, limits, runs }: Services,
  { version, imageAddresses, metrics, isOpen }: OperationsOptions,
): readonly ReadRoute[] {
  const started = Math.floor(Date.now() / 1000)
  return [
    {
      path: '/healthz',
      summary: 'Whether the server takes requests: 200 or 503',
      result: z.object({ status: z.enum(['ok', 'closing']) }),
      answer: (c) => (isOpen() ? c.json({ status: 'ok' }) : c.json({ status: 'closing' }, 503)),
    },
    {
      path: '/metrics',
      summary: 'Measurements for Prometheus',
      result: 'text/plain',
      answer: () =>
        new Response(metrics.text(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } }),
    },
    {
      path: '/v1/info',
      summary: 'What this server can do, and its limits',
      result: info,
      answer: (c) => {
        const index = model.indexed === undefined ? null : { pictures: model.indexed }
        return c.json({
          model: modelName,
          version,
          limits: { ...limits },
          candidates: model.candidates,
          imageAddresses,
          index,
          runs: runs !== undefined,
        })
      },
    },
    {
      path: '/v1/models',
      summary: "The model, as OpenAI's API lists models",
      result: models,
      answer: (c) =>
        c.json({ object: 'list', data: [{ id: modelName, object: 'model', created: started, owned_by: 'blip2' }] }),
    },
  ]
}
