import type { PictureBatch } from './pictureBatches.js'

export interface CapfiltProgress {
  /** Samples done, with those of earlier runs. */
  readonly done: number
  /** The part of the input that is done, from 0 to 1. */
  readonly fraction: number
  /** Of this run. */
  readonly picturesPerSecond: number
  /** Unknown until the first batch is done. */
  readonly secondsLeft: number | undefined
}

/** Measures how fast a run goes. */
export class ProgressMeter {
  readonly #onProgress: ((progress: CapfiltProgress) => void) | undefined
  readonly #start = performance.now()
  #done: number
  #own = 0
  /** The fraction after the first batch, and when that was: before it, models are compiled. */
  #first: { readonly fraction: number; readonly time: number; readonly own: number } | undefined

  constructor(done: number, onProgress: ((progress: CapfiltProgress) => void) | undefined) {
    this.#done = done
    this.#onProgress = onProgress
  }

  advance({ samples, fraction }: Pick<PictureBatch, 'samples' | 'fraction'>): void {
    this.#done += samples
    this.#own += samples
    const time = performance.now()
    const { fraction: from, time: since, own } = this.#first ?? { fraction, time: this.#start, own: 0 }
    this.#first ??= { fraction, time, own: this.#own }
    const seconds = Math.max(time - since, 1) / 1000
    this.#onProgress?.({
      done: this.#done,
      fraction,
      picturesPerSecond: (this.#own - own) / seconds,
      secondsLeft: fraction > from ? (seconds * (1 - fraction)) / (fraction - from) : undefined,
    })
  }
}
