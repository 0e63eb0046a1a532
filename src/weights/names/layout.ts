/**
 * Where a tensor of ours comes from; names are patterns (see pattern.ts).
 * - a name: that tensor;
 * - `anyOf`: one of these names, tied in training; where several are there they must hold the same values;
 * - `part` of `of`: an equal share of a tensor's rows, counted from 0;
 * - `stack`: several tensors' rows, one after the other.
 */
export type NameSource =
  | string
  | { readonly anyOf: readonly string[] }
  | { readonly name: string; readonly part: number; readonly of: number }
  | { readonly stack: readonly string[] }

/** Our name, and where it comes from. Of several rules that match a name the first one counts. */
export type NameRule = readonly [own: string, from: NameSource]

/** The names of one kind of checkpoint. */
export interface NameLayout {
  /** What has these names, for messages. */
  readonly title: string
  /** A tensor that every checkpoint of this kind has and no other kind does. */
  readonly mark: string
  readonly rules: readonly NameRule[]
  /** Tensors of the checkpoint that no model of ours needs, with the reason. */
  readonly ignored: readonly (readonly [pattern: string, reason: string])[]
  /** The encoder's layers, of which the checkpoint may have one more than the model runs (paper 3.1). */
  readonly encoderLayers?: string
}

/** The rules for a checkpoint that holds another one's tensors under a prefix. */
export const underPrefix = (prefix: string, rules: readonly NameRule[]): NameRule[] =>
  rules.map(([own, from]) => [own, prefixSource(prefix, from)])

function prefixSource(prefix: string, from: NameSource): NameSource {
  if (typeof from === 'string') return prefix + from
  if ('anyOf' in from) return { anyOf: from.anyOf.map((name) => prefix + name) }
  if ('stack' in from) return { stack: from.stack.map((name) => prefix + name) }
  return { ...from, name: prefix + from.name }
}

/** Directories of ours: the names are the model's own. */
export const ownNames: NameLayout = { title: 'blip2', mark: '*', rules: [['*', '*']], ignored: [] }
