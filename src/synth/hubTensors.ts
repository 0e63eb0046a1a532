import { type Architecture, architectureSpecs } from '../models/architectureSpecs.js'
import type { Initializer } from '../nn/scope.js'
import { huggingFaceBlip2 } from '../weights/names/blip2.js'
import type { NameSource } from '../weights/names/layout.js'
import { fillPattern, matchPattern } from '../weights/names/pattern.js'

/** A tensor of a checkpoint that does not exist yet. */
export interface HubTensor {
  readonly shape: readonly number[]
  readonly initializer: Initializer
}

/**
 * The tensors that Blip2ForConditionalGeneration saves for a model, by Hugging Face's names: the name maps of
 * `weights/names` read backwards, so that what is written here is what they read.
 */
export function hubTensors(architecture: Architecture): Map<string, HubTensor> {
  const { vision, bridge, language } = architectureSpecs(architecture)
  const tensors = new Map<string, HubTensor>()
  for (const { name, shape, initializer } of [vision, bridge, language].flatMap((specs) => [...specs.values()])) {
    const [from, captures] = ruleOf(name)
    if (typeof from !== 'string' && 'part' in from) {
      // Queries', keys' and values' biases are rows of one tensor; each of ours that is there names it again.
      const [rows = 0, ...rest] = shape
      tensors.set(firstName(from.name, captures), { shape: [rows * from.of, ...rest], initializer })
    } else tensors.set(firstName(typeof from === 'string' ? from : keptPattern(from), captures), { shape, initializer })
  }
  return tensors
}

function ruleOf(name: string): readonly [NameSource, string[]] {
  for (const [own, from] of huggingFaceBlip2.rules) {
    const captures = matchPattern(own, name)
    if (captures !== undefined) return [from, captures]
  }
  throw new Error(`${huggingFaceBlip2.title} has no name for ${name}; SYNTH_PRESETS holds a model it cannot express`)
}

/** Of tied tensors a checkpoint keeps the first. */
function keptPattern(from: Exclude<NameSource, string>): string {
  if ('anyOf' in from) return from.anyOf[0]!
  throw new Error(`${huggingFaceBlip2.title} stacks no tensors`)
}

const firstName = (pattern: string, captures: readonly string[]): string => fillPattern(pattern, captures)[0]!
