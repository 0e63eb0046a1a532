import { ConfigError, NonFiniteError } from '../../errors.js'
import { alignUp } from '../kernels/kernelMemory.js'
import type { ParameterGroup } from './parameterGroups.js'
import type { ArenaRange, ParameterArrays, ParameterMemory } from './parameterMemory.js'

export interface AdamWOptions {
  /** Every parameter of the memory in exactly one group. */
  readonly groups: readonly ParameterGroup[]
  /** Default 0.9 and 0.98 (paper, section 3.4; the released code leaves 0.999). */
  readonly betas?: readonly [number, number]
  /** At least 1e-12, since moments are kept in steps of 1e-31. Default 1e-8. */
  readonly eps?: number
}

export interface StepOptions {
  readonly lr: number
  /** Gradients are scaled down to this global norm where they exceed it. Default: no clipping, as in the paper. */
  readonly clipNorm?: number
  /** Multiplies every gradient first: 1 / n averages n accumulated ones. Default 1. */
  readonly gradientScale?: number
}

export interface StepResult {
  /** Global norm of the scaled gradients, before clipping. */
  readonly gradientNorm: number
}

/** A step that is under way. */
export interface Update {
  readonly result: StepResult
  readonly apply: (range: ArenaRange) => void
}

interface Factors {
  readonly scale: number
  readonly keep: number
  readonly stepSize: number
  readonly rootScale: number
}

/** A moment as checkpoints store it: a view of the optimiser's own memory, to write from and to read into. */
export interface MomentTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** AdamW with decoupled weight decay (Loshchilov and Hutter 2019), with the results of torch.optim.AdamW. */
export class AdamW {
  /** Steps taken so far; set it when moments are restored. */
  steps = 0
  readonly #memory: ParameterMemory
  readonly #groups: readonly { parameters: ParameterArrays[]; weightDecay: number; lrScale: number }[]
  readonly #beta1: number
  readonly #beta2: number
  readonly #eps: number

  constructor(memory: ParameterMemory, options: AdamWOptions) {
    const { groups, betas = [0.9, 0.98], eps = 1e-8 } = options
    for (const beta of betas)
      if (!(beta >= 0 && beta < 1)) throw new ConfigError(`AdamW: each beta is in [0, 1), got ${betas.join(' and ')}`)
    if (!(eps >= 1e-12)) throw new ConfigError(`AdamW: eps is at least 1e-12, got ${eps}`)
    checkGroups(memory, groups)
    this.#memory = memory
    this.#groups = groups.map(({ names, weightDecay, lrScale = 1 }) => ({
      parameters: names.map((name) => memory.parameter(name)),
      weightDecay,
      lrScale,
    }))
    ;[this.#beta1, this.#beta2] = betas
    this.#eps = eps
  }

  /**
   * Updates every value from its gradient; the gradients stay. Where one of them is not finite, nothing is updated and
   * a NonFiniteError names the first parameter concerned.
   */
  step(options: StepOptions): StepResult {
    const update = this.begin(options)
    update.apply({ first: 0, end: Number.POSITIVE_INFINITY })
    return update.result
  }

  /** The same in parts: `apply` updates a range of the memory's arenas, as if they were one. Each range is to be given once. */
  begin({ lr, clipNorm, gradientScale = 1 }: StepOptions): Update {
    const gradientNorm = this.#memory.globalNorm() * gradientScale
    if (!Number.isFinite(gradientNorm)) throw this.#nonFinite(gradientScale)
    this.steps++
    // 1e-6 as in torch.nn.utils.clip_grad_norm_.
    const clip = clipNorm === undefined ? 1 : Math.min(1, clipNorm / (gradientNorm + 1e-6))
    const rootScale = 1 / Math.sqrt(1 - this.#beta2 ** this.steps)
    const correction = 1 - this.#beta1 ** this.steps
    return {
      result: { gradientNorm },
      apply: (range) => {
        for (const { parameters, weightDecay, lrScale } of this.#groups) {
          const rate = lr * lrScale
          const factors = {
            scale: gradientScale * clip,
            keep: 1 - rate * weightDecay,
            stepSize: rate / correction,
            rootScale,
          }
          for (const parameter of parameters) this.#update(parameter, range, factors)
        }
      },
    }
  }

  /** The moments by name, `first_moment.NAME` and `second_moment.NAME`; together with `steps` the whole state. */
  moments(): Map<string, MomentTensor> {
    return new Map(
      this.#memory.parameters.flatMap(({ name, shape, firstMoment, secondMoment }) => [
        [`first_moment.${name}`, { shape, data: firstMoment }],
        [`second_moment.${name}`, { shape, data: secondMoment }],
      ]),
    )
  }

  #update(parameter: ParameterArrays, range: ArenaRange, { scale, keep, stepSize, rootScale }: Factors): void {
    const { value, gradient, firstMoment, secondMoment } = parameter
    const place = this.#memory.offsetOf(value)
    const end = alignUp(value.byteLength)
    const from = Math.max(0, (range.first - place) * value.BYTES_PER_ELEMENT)
    const to = Math.min(end, (range.end - place) * value.BYTES_PER_ELEMENT)
    if (from >= to) return
    this.#memory
      .kernelsOf(value)
      .adamwStep(
        value.byteOffset + from,
        gradient.byteOffset + from,
        firstMoment.byteOffset + from,
        secondMoment.byteOffset + from,
        to - from,
        scale,
        keep,
        1 - this.#beta1,
        this.#beta2,
        1 - this.#beta2,
        stepSize,
        rootScale,
        this.#eps,
      )
  }

  #nonFinite(gradientScale: number): NonFiniteError {
    const found = this.#memory.parameters.find(({ gradient }) => !gradient.every(Number.isFinite))
    if (found === undefined) return new NonFiniteError(`the gradients were to be scaled by ${gradientScale}`)
    const index = found.gradient.findIndex((value) => !Number.isFinite(value))
    return new NonFiniteError(
      `the gradient of ${found.name} is ${found.gradient[index]} at element ${index}, after ${this.steps} steps; nothing was updated. Lower the learning rate or clip the gradients, and resume from the last checkpoint.`,
    )
  }
}

function checkGroups(memory: ParameterMemory, groups: readonly ParameterGroup[]): void {
  const grouped = groups.flatMap(({ names }) => names)
  const twice = grouped.find((name, i) => grouped.indexOf(name) !== i)
  if (twice !== undefined) throw new ConfigError(`AdamW: parameter ${JSON.stringify(twice)} is in two groups`)
  const known = new Set(grouped)
  const left = memory.parameters.find(({ name }) => !known.has(name))
  if (left !== undefined) throw new ConfigError(`AdamW: parameter ${JSON.stringify(left.name)} is in no group`)
}
