/** What one request may ask for, and how many at a time. */
export interface ServerLimits {
  /** Bytes of a request's body, and of a picture from an address. */
  readonly bodyBytes: number
  /** Pixels of a picture. */
  readonly pixels: number
  /** Pictures of one request, questions about one, and inputs that the model runs together. */
  readonly batch: number
  /** Texts that a picture is compared with in one request. */
  readonly texts: number
  /** Characters of a prompt, a question, a text, or a whole conversation. */
  readonly textCharacters: number
  readonly newTokens: number
  readonly beams: number
  /** Captions of a picture that stage 1 compares. */
  readonly candidates: number
  /** Requests that are worked on or wait; more are answered with 429. */
  readonly requests: number
  /** Milliseconds from a request's beginning until it is given up. */
  readonly timeMs: number
}

export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytes: 16 * 2 ** 20,
  pixels: 50_000_000,
  batch: 16,
  texts: 256,
  textCharacters: 2000,
  newTokens: 256,
  beams: 10,
  candidates: 32,
  requests: 64,
  timeMs: 60_000,
}
