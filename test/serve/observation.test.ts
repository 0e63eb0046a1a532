import { afterAll, beforeAll, expect, it } from 'vitest'
import { Metrics } from '../../src/serve/http/metrics.js'
import { dataUrl, jsonOf, openTinyModel, type TinyModel, testApp } from './testServer.js'

let tiny: TinyModel
beforeAll(async () => {
  tiny = await openTinyModel()
})
afterAll(() => tiny.dispose())

it('writes the text format of Prometheus', () => {
  const metrics = new Metrics()
  const requests = metrics.counter('requests_total', 'Requests.')
  requests.add({ route: '/a "b"\n', status: 200 })
  requests.add({ route: '/a "b"\n', status: 200 })
  metrics.gauge('waiting', 'Waiting.', () => 3)
  const seconds = metrics.histogram('seconds', 'Time.', [0.1, 1])
  for (const value of [0.05, 0.1, 0.5, 3]) seconds.observe(value)
  expect(metrics.text()).toBe(`# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{route="/a \\"b\\"\\n",status="200"} 2
# HELP waiting Waiting.
# TYPE waiting gauge
waiting 3
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{le="0.1"} 2
seconds_bucket{le="1"} 3
seconds_bucket{le="+Inf"} 4
seconds_sum 3.65
seconds_count 4
`)
})

it('measures requests and batches, without a name for what is not there', async () => {
  const { app, post } = await testApp(tiny.model)
  await post('/v1/caption', { image: await dataUrl('#f00') })
  await post('/v1/caption', {})
  await app.request('/made/up')
  const response = await app.request('/metrics')
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  expect(text).toContain('blip2_requests_total{route="/v1/caption",status="200"} 1\n')
  expect(text).toContain('blip2_requests_total{route="/v1/caption",status="400"} 1\n')
  expect(text).toContain('blip2_requests_total{route="other",status="404"} 1\n')
  expect(text).toContain('blip2_batch_inputs_count{task="caption"} 1\n')
  expect(text).toMatch(/\nblip2_requests_under_way 0\n/)
  expect(text).not.toContain('made')
})

interface Description {
  readonly openapi: string
  readonly paths: Record<string, { readonly post: Operation }>
}

interface Operation {
  readonly requestBody: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
  readonly responses: object
}

interface Schema {
  readonly required: string[]
  readonly properties: Record<string, object>
  readonly additionalProperties: boolean
}

it('describes every route in OpenAPI, from the schemas', async () => {
  const { app } = await testApp(tiny.model, { limits: { beams: 7 } })
  const description = await jsonOf<Description>(await app.request('/openapi.json'))
  expect(description.openapi).toBe('3.1.0')
  expect(Object.keys(description.paths)).toEqual([
    '/v1/caption',
    '/v1/ask',
    '/v1/match',
    '/v1/embed',
    '/v1/search',
    '/v1/attention',
    '/v1/chat/completions',
    '/healthz',
    '/metrics',
    '/v1/info',
    '/v1/models',
    '/v1/runs',
    '/v1/runs/{run}',
    '/v1/runs/{run}/events',
    '/v1/pictures/{picture}',
  ])
  const { post } = description.paths['/v1/caption']!
  const { schema } = post.requestBody.content['application/json']
  expect(schema.required).toEqual(['image'])
  expect(schema.properties['numBeams']).toMatchObject({ type: 'integer', minimum: 1, maximum: 7 })
  expect(schema.additionalProperties).toBe(false)
  expect(Object.keys(post.responses)).toContain('429')
  expect(JSON.stringify(description)).not.toContain('"$schema"')
})
