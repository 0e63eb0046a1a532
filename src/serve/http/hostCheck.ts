import { isIPv4 } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { HttpError } from './httpError.js'

/** Whether a name or an address always means this machine. */
export const isLoopback = (host: string): boolean =>
  ['localhost', '::1', '[::1]'].includes(host) || (isIPv4(host) && host.startsWith('127.'))

/**
 * For a server that this machine alone reaches: refuses requests for other names than this machine's. Without this, a
 * web page could have its own name resolve to 127.0.0.1 and read what the server answers (DNS rebinding).
 */
export function localNamesOnly(names: readonly string[]): MiddlewareHandler {
  const allowed = new Set(names.map((name) => name.toLowerCase()))
  return async (c, next) => {
    const { hostname } = new URL(c.req.url)
    if (!isLoopback(hostname) && !allowed.has(hostname))
      throw new HttpError(
        403,
        'HOST',
        `this server does not answer for the name ${hostname}; allow it with --allowed-host`,
      )
    await next()
  }
}
