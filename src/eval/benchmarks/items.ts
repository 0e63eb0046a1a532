import type { ImageSource } from '../../image/decode.js'
import type { HumanAnswer } from '../metrics/answerScores.js'

/** A picture of a captioning or retrieval benchmark. */
export interface BenchmarkPicture {
  /** As submissions name it. */
  readonly id: number
  /** Whether the file is there shows when it is opened. */
  readonly path: string
  readonly captions: readonly [string, ...string[]]
  /** NoCaps: in-domain, near-domain or out-domain. */
  readonly domain?: string
}

/** A question of a benchmark. */
export interface BenchmarkQuestion {
  /** As submissions name it. */
  readonly id: number | string
  readonly path: string
  /** The picture itself, where it lies in no file; `path` then says which it is. */
  readonly image?: ImageSource
  readonly question: string
  /** Absent where the answers are kept secret. */
  readonly answers?: readonly HumanAnswer[]
  readonly questionType?: string
  readonly answerType?: string
}
