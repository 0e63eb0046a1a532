import { eventsOf } from './events.js'

/** What the server says of itself. */
export interface ServerInfo {
  readonly model: string
  readonly version: string
  readonly limits: Readonly<Record<'bodyBytes' | 'beams' | 'batch' | 'texts' | 'newTokens', number>>
  /** Captions that stage 1 compares by the model's own settings; 1 where it compares none. */
  readonly candidates: number
  /** The index that words search in. */
  readonly index: { readonly pictures: number } | null
  /** Whether it shows training runs. */
  readonly runs: boolean
}

export interface Text {
  readonly text: string
  readonly finishReason: 'stop' | 'length' | 'filtered'
  readonly score: number
  /** Where captions were compared by how well they fit. */
  readonly match?: Omit<Match, 'text'>
  readonly alternatives?: readonly Text[]
}

export interface Match {
  readonly text: string
  readonly itm: number
  readonly itc: number
}

export interface SearchResult {
  readonly index?: number
  readonly path?: string
  /** Where the server gives a picture of the index. */
  readonly picture?: string
  /** Where it was re-ranked. */
  readonly itm?: number
  readonly itc?: number
  /** With a picture that was looked for. */
  readonly similarity?: number
}

export interface AttentionMaps {
  readonly rows: number
  readonly columns: number
  /** rows * columns values of each query. */
  readonly queries: readonly (readonly number[])[]
}

export interface RunSummary {
  readonly name: string
  readonly updated: string
  readonly latest: Readonly<Record<string, unknown>> | null
}

/** What the server refused or failed at; `status` 0 where it was not reached. */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
  }
}

const TOKEN = 'blip2-token'

/** Kept for this tab alone. */
export const rememberToken = (token: string): void => sessionStorage.setItem(TOKEN, token)

export const hasToken = (): boolean => sessionStorage.getItem(TOKEN) !== null

/** GET or, with a body, POST. @throws ApiError */
export async function ask<T>(path: string, body?: object, signal?: AbortSignal): Promise<T> {
  return (await send(path, body, signal)).json() as Promise<T>
}

/** A picture of the index. @throws ApiError */
export async function loadPicture(path: string, signal: AbortSignal): Promise<Blob> {
  return (await send(path, undefined, signal)).blob()
}

/** The events of a stream as they come, with their data parsed. @throws ApiError, for an `error` event too */
export async function* stream(
  path: string,
  body?: object,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly event: string; readonly data: unknown }> {
  const response = await send(path, body, signal)
  for await (const { event, data } of eventsOf(response.body!)) {
    if (data === '[DONE]') return
    const json: unknown = JSON.parse(data)
    if (event === 'error') throw new ApiError(response.status, messageOf(json) ?? 'the server failed')
    yield { event, data: json }
  }
}

async function send(path: string, body: object | undefined, signal: AbortSignal | undefined): Promise<Response> {
  const token = sessionStorage.getItem(TOKEN)
  const headers = {
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  }
  const response = await fetch(path, {
    headers,
    ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    ...(signal ? { signal } : {}),
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause
    throw new ApiError(0, 'The server cannot be reached. Is “blip2 serve” still running?')
  })
  if (response.ok) return response
  const json: unknown = await response.json().catch(() => undefined)
  throw new ApiError(response.status, messageOf(json) ?? `The server answered ${response.status}.`)
}

/** The message of an error in OpenAI's form. */
function messageOf(json: unknown): string | undefined {
  const { error } = (json ?? {}) as { error?: { message?: unknown } }
  return typeof error?.message === 'string' ? error.message : undefined
}
