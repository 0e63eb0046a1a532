export interface MeanWithInterval {
  readonly mean: number
  /** Half the width of the 95 % interval of the mean; undefined for one value. */
  readonly halfWidth: number | undefined
}

/** 97.5 % quantiles of Student's distribution, by degrees of freedom from 1 on. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]
const NORMAL = 1.96

/** Mean with its 95 % interval by Student's distribution, which for three seeds is wide. */
export function meanWithInterval(values: readonly number[]): MeanWithInterval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) return { mean, halfWidth: undefined }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  const quantile = STUDENT[values.length - 2] ?? NORMAL
  return { mean, halfWidth: quantile * Math.sqrt(variance / values.length) }
}

export type Verdict = 'holds' | 'is reversed' | 'is not decided'

/**
 * Whether one is better than the other, by the differences seed by seed: decided where their 95 % interval leaves zero
 * out.
 */
export function compare(better: readonly number[], worse: readonly number[], direction: 'higher' | 'lower'): Verdict {
  const sign = direction === 'higher' ? 1 : -1
  const { mean, halfWidth } = meanWithInterval(better.map((value, i) => sign * (value - worse[i]!)))
  if (halfWidth === undefined || Math.abs(mean) <= halfWidth) return 'is not decided'
  return mean > 0 ? 'holds' : 'is reversed'
}
