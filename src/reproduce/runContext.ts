import type { ExperimentSize } from './experimentSize.js'

/** What a run of an experiment is given. */
export interface RunContext {
  /** Holds trainings, by name; shared by all runs, so that what two of them need is trained once. */
  readonly directory: string
  readonly size: ExperimentSize
  readonly seed: number
  /** Model with the frozen encoder, the frozen language model and both stages. */
  readonly model: string
  /** Model directory with a language model in T5's form. */
  readonly t5: string | undefined
  /** Model that was fine-tuned for answers; a short fine-tuning takes its place. */
  readonly vqa: string | undefined
  /** Pictures or questions of an evaluation. */
  readonly limit: number
  readonly cacheDir: string | undefined
  readonly signal: AbortSignal | undefined
  readonly onStatus: ((status: string) => void) | undefined
}
