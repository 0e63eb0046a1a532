import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { HttpError } from './httpError.js'

/**
 * Lets requests with this bearer token through. Hashes are compared, in constant time: how long a refusal takes tells
 * neither the token's length nor how much of a guess was right.
 */
export function bearerToken(token: string): MiddlewareHandler {
  const expected = hash(token)
  return async (c, next) => {
    const [, given] = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '') ?? []
    if (!timingSafeEqual(hash(given ?? ''), expected))
      throw new HttpError(
        401,
        'TOKEN',
        'expected the header Authorization: Bearer TOKEN with the token of this server',
        {
          'www-authenticate': 'Bearer',
        },
      )
    await next()
  }
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
