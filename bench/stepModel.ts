/** What the time of a step is made of; see docs/scale.md. */
export interface StepModel {
  /** Of the losses and gradients of all samples on one rank, as the ranks compute them. */
  readonly computeSeconds: number
  /** What each rank does whatever their number: the optimiser's step. */
  readonly fixedSeconds: number
  /** Of the gradients, which are added up over the ranks. */
  readonly gradientBytes: number
  /** Of the features of a rank's samples and the vectors of all. */
  readonly exchangedBytes: number
  /** Collectives in a step. */
  readonly collectives: number
  /** What a rank sends and receives, bytes a second. */
  readonly bandwidth: number
  /** Of one message, seconds. */
  readonly latency: number
}

/** Seconds of a step on so many ranks, of which all share one batch. */
export function stepSeconds(model: StepModel, ranks: number): { seconds: number; communication: number } {
  const { computeSeconds, fixedSeconds, gradientBytes, exchangedBytes, collectives } = model
  if (ranks === 1) return { seconds: computeSeconds + fixedSeconds, communication: 0 }
  // A ring: each rank sends its share of the gradients around twice.
  const around = (2 * (ranks - 1)) / ranks
  const transfer = (around * gradientBytes + exchangedBytes) / model.bandwidth
  const communication = transfer + collectives * 2 * (ranks - 1) * model.latency
  return { seconds: computeSeconds / ranks + fixedSeconds + communication, communication }
}
