import type { RunContext } from './runContext.js'

/** Scores of one run, by name. */
export type RunScores = Readonly<Record<string, number>>

/** One of the things that an experiment compares. */
export interface Variant {
  readonly name: string
  /** Trains and scores it; everything random follows the context's seed. */
  readonly run: (context: RunContext) => Promise<RunScores>
}

/** A comparison of the paper, in small. */
export interface Experiment {
  /** Letter under which it is asked for. */
  readonly letter: string
  readonly title: string
  /** What the paper finds, with its place. */
  readonly paper: string
  readonly variants: readonly Variant[]
  /** What a run cannot do without: `t5` of its context. */
  readonly needs?: 't5'
  /** The score that is compared, and whether more of it is better. */
  readonly score: { readonly name: string; readonly better: 'higher' | 'lower' }
  /** The paper's direction: names of two variants, the one that the paper finds better first; none where nothing is ranked. */
  readonly expected?: readonly [better: string, worse: string]
  /** Seeds where one is enough, because nothing is drawn. */
  readonly seeds?: number
}
