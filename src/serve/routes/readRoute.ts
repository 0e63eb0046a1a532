import type { Context } from 'hono'
import type { z } from 'zod'

/** A GET route, which needs neither a place in the queue nor the model. */
export interface ReadRoute {
  /** As OpenAPI writes it: parameters in braces. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  /** What it gives: the schema of JSON, or another media type. */
  readonly result: z.ZodType | `text/${string}` | 'image/*'
  readonly answer: (c: Context) => Promise<Response> | Response
}
