import { Blip2Error, ConfigError, ImageError, ModelNotFoundError, OutOfMemoryError } from '../../errors.js'

/** What a request is answered with when it cannot be done; the message goes to the client. */
export class HttpError extends Error {
  readonly status: number
  /** Stable, in capitals, as the codes of Blip2Error. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** nginx's number for a client that left; nobody sees it but the metrics. */
export const CLIENT_GONE = 499

/** What an error means over HTTP. Of what is not the client's doing, the message stays here. */
export function httpErrorOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof ConfigError || error instanceof ImageError) return new HttpError(400, error.code, error.message)
  if (error instanceof ModelNotFoundError) return new HttpError(404, error.code, error.message)
  if (error instanceof OutOfMemoryError)
    return new HttpError(503, error.code, 'the server ran out of memory; send less at a time')
  const code = error instanceof Blip2Error ? error.code : 'INTERNAL'
  return new HttpError(500, code, 'the server failed at this request; its log says why')
}

/** The body of an error, in the form of OpenAI's API. */
export const errorBody = ({ status, code, message }: HttpError) => ({
  error: { message, type: typeOf(status), code, param: null },
})

function typeOf(status: number): string {
  if (status >= 500) return 'server_error'
  if (status === 429) return 'rate_limit_error'
  return status === 401 ? 'authentication_error' : 'invalid_request_error'
}

export function errorResponse(error: HttpError): Response {
  return Response.json(errorBody(error), { status: error.status, headers: error.headers })
}
