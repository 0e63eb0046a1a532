import { readFileSync } from 'node:fs'
import type { CaptionPair } from '../../../src/eval/metrics/captionPair.js'

/** A fixture of the reference implementations' results. */
export const golden = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../fixtures/golden/metrics/${name}.json`, import.meta.url), 'utf8')) as T

export interface GoldenScores {
  readonly corpus: Readonly<Record<string, number>>
  readonly per_image: Readonly<Record<string, readonly number[]>>
}

export interface GoldenCaptions {
  readonly ids: readonly number[]
  readonly references: Readonly<Record<string, readonly string[]>>
  readonly hypotheses: Readonly<Record<string, readonly string[]>>
  readonly scores: GoldenScores
  readonly subset: { readonly ids: readonly number[]; readonly scores: GoldenScores }
}

export const pairsOf = ({ references, hypotheses }: GoldenCaptions, ids: readonly number[]): CaptionPair[] =>
  ids.map((id) => ({ hypothesis: hypotheses[id]![0]!, references: references[id]! }))
