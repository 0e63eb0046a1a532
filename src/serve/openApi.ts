import { z } from 'zod'
import type { InferenceRoute } from './routes/inferenceRoute.js'
import type { ReadRoute } from './routes/readRoute.js'

export interface OpenApiOptions {
  readonly version: string
  /** Whether requests need the bearer token. */
  readonly secured: boolean
}

const errorSchema = z.object({
  error: z.object({ message: z.string(), type: z.string(), code: z.string(), param: z.null() }),
})

/** What each error status means, for every route that works with the model. */
const ERRORS = {
  400: 'the request is wrong; the message says what',
  401: 'the token is missing or wrong',
  404: 'what the request needs is not there',
  413: 'the body is too large',
  415: 'the body is not of type application/json',
  429: 'too many requests are under way; Retry-After says when to come again',
  504: 'the time for a request is over',
} as const

/** The OpenAPI 3.1 description of the server, from the schemas that requests are checked with. */
export function openApi(
  posts: readonly InferenceRoute[],
  gets: readonly ReadRoute[],
  { version, secured }: OpenApiOptions,
): object {
  const paths: Record<string, object> = {}
  for (const route of posts) paths[route.path] = { post: postOperation(route) }
  for (const route of gets) paths[route.path] = { ...paths[route.path], get: getOperation(route) }
  return {
    openapi: '3.1.0',
    info: { title: 'blip2', version, description: 'Caption, question, match and search pictures with BLIP-2.' },
    paths,
    components: {
      schemas: { Error: schemaOf(errorSchema, 'output') },
      ...(secured ? { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } } : {}),
    },
    ...(secured ? { security: [{ bearer: [] }] } : {}),
  }
}

function postOperation({ summary, description, body, result, streams }: InferenceRoute): object {
  const events = streams
    ? { 'text/event-stream': { schema: { type: 'string', description: 'events, with stream: true' } } }
    : {}
  return {
    summary,
    description,
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    responses: {
      200: {
        description: 'done',
        content: { 'application/json': { schema: schemaOf(result, 'output') }, ...events },
      },
      ...errorResponses(Object.keys(ERRORS) as unknown as (keyof typeof ERRORS)[]),
    },
  }
}

function getOperation({ path, summary, description, result }: ReadRoute): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  const content =
    typeof result === 'string'
      ? { [result]: { schema: { type: 'string' } } }
      : { 'application/json': { schema: schemaOf(result, 'output') } }
  return {
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    responses: { 200: { description: 'done', content }, ...errorResponses(path.startsWith('/v1') ? [401, 404] : []) },
  }
}

const errorResponses = (statuses: readonly (keyof typeof ERRORS)[]): object =>
  Object.fromEntries(
    statuses.map((status) => {
      const content = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } }
      return [status, { description: ERRORS[status], content }]
    }),
  )

/** OpenAPI 3.1 takes JSON Schema as it is, without the address of its dialect. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return json
}
