import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { bearerToken } from './http/authorization.js'
import { localNamesOnly } from './http/hostCheck.js'
import { errorResponse, HttpError, httpErrorOf } from './http/httpError.js'
import type { ServerMetrics } from './http/serverMetrics.js'
import { openApi } from './openApi.js'
import { servePage } from './page.js'
import { inferenceHandler } from './routes/inferenceHandler.js'
import { inferenceRoutes } from './routes/inferenceRoutes.js'
import { type OperationsOptions, operationRoutes } from './routes/operations.js'
import { pictureRoute } from './routes/pictures.js'
import type { ReadRoute } from './routes/readRoute.js'
import { runRoutes } from './routes/runs.js'
import type { Services } from './services.js'

export interface AppOptions extends Omit<OperationsOptions, 'metrics'> {
  readonly metrics: ServerMetrics
  /** Requests under /v1 and for /metrics need it. */
  readonly token?: string
  /** Only requests for these names and this machine's are answered; without, for any name. */
  readonly hostNames?: readonly string[]
  /** Origins whose pages may use the server. */
  readonly corsOrigins?: readonly string[]
  /** Folder of the page that is served at /. */
  readonly pageFolder?: string
}

/** The server's routes over its services. */
export async function createApp(services: Services, options: AppOptions): Promise<Hono> {
  const { metrics, token, hostNames, corsOrigins, pageFolder, isOpen } = options
  const app = new Hono()
  const posts = inferenceRoutes(services)
  const gets = [
    ...operationRoutes(services, { ...options, metrics: metrics.registry }),
    ...runRoutes(services),
    pictureRoute(services),
  ]
  const paths = new Set([...posts, ...gets].map(({ path }) => path))

  app.onError((error, c) => {
    const known = httpErrorOf(error)
    if (known.status === 500) services.log(`${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`)
    return errorResponse(known)
  })
  app.notFound(() =>
    errorResponse(new HttpError(404, 'NO_ROUTE', 'there is nothing here; /openapi.json lists what is')),
  )
  app.use(async (c, next) => {
    const start = performance.now()
    await next()
    metrics.answered(routeOf(c, paths), c.res.status, (performance.now() - start) / 1000)
    c.header('x-content-type-options', 'nosniff')
    c.header('referrer-policy', 'no-referrer')
    // A connection that is kept would hold up the end.
    if (!isOpen()) c.header('connection', 'close')
  })
  if (hostNames) app.use(localNamesOnly(hostNames))
  if (corsOrigins && corsOrigins.length > 0) app.use('/v1/*', cors({ origin: [...corsOrigins], maxAge: 600 }))
  if (token !== undefined) for (const path of ['/v1/*', '/metrics']) app.use(path, bearerToken(token))

  for (const route of posts) app.post(route.path, inferenceHandler(route, services))
  for (const { path, answer } of gets) app.get(honoPath(path), answer)
  for (const { path } of posts) app.all(path, refuseMethod('POST'))
  for (const { path } of gets) app.all(honoPath(path), refuseMethod('GET'))
  const description = openApi(posts, gets, { version: options.version, secured: token !== undefined })
  app.get('/openapi.json', (c) => c.json(description))
  if (pageFolder !== undefined) await servePage(app, pageFolder)
  return app
}

const refuseMethod = (allow: string) => (c: Context) =>
  errorResponse(new HttpError(405, 'METHOD', `${c.req.path} answers ${allow}, not ${c.req.method}`, { allow }))

const honoPath = (path: ReadRoute['path']): string => path.replace(/\{(\w+)\}/g, ':$1')

/** A request's route for the metrics; whatever else is asked for counts as one, or clients could make up names. */
function routeOf(c: Context, paths: ReadonlySet<string>): string {
  if (paths.has(c.req.path)) return c.req.path
  const [folder] = ['/v1/runs/', '/v1/pictures/'].filter((start) => c.req.path.startsWith(start))
  return folder === undefined ? 'other' : `${folder}*`
}
