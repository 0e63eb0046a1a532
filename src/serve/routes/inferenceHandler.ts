import type { Handler } from 'hono'
import type { z } from 'zod'
import { eventStream } from '../http/eventStream.js'
import { CLIENT_GONE, HttpError } from '../http/httpError.js'
import { readJson } from '../http/readJson.js'
import { RequestScope } from '../http/requestScope.js'
import type { Services } from '../services.js'
import type { InferenceRoute } from './inferenceRoute.js'

/**
 * Answers the requests of a route: a place in the queue first, then the body is read and checked, then the model works,
 * all of it until the client leaves or the time is over. A stream's first event is waited for, so that what is refused
 * is answered with a status.
 */
export function inferenceHandler(route: InferenceRoute, { admission, scopes, limits }: Services): Handler {
  return async (c) => {
    const leave = admission.enter()
    const scope = RequestScope.open(c.req.raw.signal, scopes, limits.timeMs)
    const onEnd = () => {
      scope.dispose()
      leave()
    }
    try {
      const body = parse(route.body, await readJson(c.req.raw, limits.bodyBytes, scope.signal))
      const reply = await route.answer(body, scope.signal)
      if ('json' in reply) {
        onEnd()
        return c.json(reply.json as object)
      }
      const { events, onError } = reply
      const onLeave = () => scope.end(new HttpError(CLIENT_GONE, 'CLIENT_GONE', 'the client closed the connection'))
      return eventStream(events, { first: await events.next(), onError, onLeave, onEnd })
    } catch (error) {
      onEnd()
      throw scope.signal.aborted ? scope.signal.reason : error
    }
  }
}

function parse(schema: z.ZodType, json: unknown): unknown {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`)
  throw new HttpError(400, 'BODY', problems.join('; ').slice(0, 1000))
}
