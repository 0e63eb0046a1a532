import type { ErrorMessage } from '../workerMessages.js'

/** To a thread that answers calls. */
export type CallRequest<Call> =
  | { readonly kind: 'call'; readonly id: number; readonly call: Call }
  /** Nobody waits for this call any more. */
  | { readonly kind: 'abort'; readonly id: number }
  /** Answered by the end of the thread. */
  | { readonly kind: 'end' }

/** From it: any number of pieces, then one result or error for each call. */
export type CallResponse =
  | { readonly kind: 'piece'; readonly id: number; readonly piece: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorMessage }
