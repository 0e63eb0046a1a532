import type { RgbPicture } from '../image/resize.js'

/** How candidates are drawn. */
export interface CandidateOptions {
  /** Captions of each picture. */
  readonly count: number
  /** Nucleus sampling: draw among the likeliest tokens that together have this probability. */
  readonly topP: number
  /** Lengths in tokens (default: the captioner's own). */
  readonly minNewTokens?: number
  readonly maxNewTokens?: number
  /** Text in front of the caption, which is not part of it (default: the captioner's own). */
  readonly prompt?: string
  /** The same seed draws the same captions of the same pictures. */
  readonly seed: number
  readonly signal?: AbortSignal
}

/** Describes pictures in several ways. */
export interface Captioner {
  /** Draws `count` captions of each picture by nucleus sampling; some may be alike or empty. */
  captions(pictures: readonly RgbPicture[], options: CandidateOptions): Promise<readonly (readonly string[])[]>
  dispose(): Promise<void>
}
