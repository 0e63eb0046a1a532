import * as errors from '../errors.js'
import type { SerializedFunction } from './serializedFunction.js'
import type { Value } from './values.js'

export type Request =
  | { readonly kind: 'open'; readonly serialized: SerializedFunction }
  | { readonly kind: 'run'; readonly feeds: Readonly<Record<string, Value>> }
  /** Answered by the end of the thread. */
  | { readonly kind: 'dispose' }

export type Response =
  | { readonly kind: 'done'; readonly results: Readonly<Record<string, Value>> }
  | { readonly kind: 'failed'; readonly error: ErrorMessage }

/** An error as plain data: cloning between threads keeps neither the class nor the code. */
export interface ErrorMessage {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly cause: ErrorMessage | undefined
}

export function packError(error: unknown): ErrorMessage {
  if (!(error instanceof Error))
    return { name: 'Error', message: String(error), stack: undefined, code: undefined, cause: undefined }
  const { name, message, stack, cause } = error
  const { code } = error as NodeJS.ErrnoException
  return { name, message, stack, code, cause: cause === undefined ? undefined : packError(cause) }
}

/** The error that was packed, of its class where that is one of this package. */
export function unpackError({ name, message, stack, code, cause }: ErrorMessage): Error {
  const options = cause ? { cause: unpackError(cause) } : {}
  const error = restore(name, message, options)
  if (stack !== undefined) error.stack = stack
  if (code !== undefined && !('code' in error)) Object.assign(error, { code })
  return error
}

type ErrorClass = new (message: string, options?: ErrorOptions) => errors.Blip2Error

/** The base class takes the code too, and is never thrown itself. */
const { Blip2Error: _, ...subclasses } = errors
const classes: Readonly<Record<string, ErrorClass>> = subclasses

function restore(name: string, message: string, options: ErrorOptions): Error {
  const Known = classes[name]
  if (Known) return new Known(message, options)
  const error = new Error(message, options)
  error.name = name
  return error
}

/** The arrays' own memory, to be handed over rather than copied. */
export const buffersOf = (values: Readonly<Record<string, Value>>): ArrayBuffer[] =>
  Object.values(values).map(({ data }) => data.buffer as ArrayBuffer)
