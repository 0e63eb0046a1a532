import { CLIENT_GONE, HttpError } from './httpError.js'

/** What the work of one request is bound to. Dispose it when the request is answered. */
export class RequestScope {
  readonly #controller = new AbortController()
  readonly #dispose: () => void

  /** Whether its time is limited; what is not must be ended when the server closes. */
  readonly limited: boolean

  private constructor(limited: boolean, dispose: () => void) {
    this.limited = limited
    this.#dispose = dispose
  }

  /** Ends with the client's connection, and after a time where one is given. */
  static open(client: AbortSignal, scopes: Set<RequestScope>, timeLimitMs?: number): RequestScope {
    const leave = () => scope.end(new HttpError(CLIENT_GONE, 'CLIENT_GONE', 'the client closed the connection'))
    const timeout = () =>
      scope.end(new HttpError(504, 'TIMEOUT', `the request took longer than ${timeLimitMs! / 1000} s and was stopped`))
    const timer = timeLimitMs === undefined ? undefined : setTimeout(timeout, timeLimitMs)
    const scope = new RequestScope(timer !== undefined, () => {
      clearTimeout(timer)
      client.removeEventListener('abort', leave)
      scopes.delete(scope)
    })
    client.addEventListener('abort', leave, { once: true })
    if (client.aborted) leave()
    scopes.add(scope)
    return scope
  }

  /** Fires when the request is to be given up; the reason is an HttpError. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  end(reason: HttpError): void {
    this.#controller.abort(reason)
  }

  dispose(): void {
    this.#dispose()
  }
}
