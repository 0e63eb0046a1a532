import { refuseMisfit } from '../safetensors/strict.js'
import type { TensorInfo, TensorTable } from '../safetensors/types.js'
import type { NameLayout, NameSource } from './layout.js'
import { fillPattern, matchPattern } from './pattern.js'

/** How one tensor of ours is made of the checkpoint's: whole, an equal share of the rows, or the rows of several. */
export type Assembly =
  | { readonly kind: 'whole'; readonly source: string }
  | { readonly kind: 'part'; readonly source: string; readonly part: number; readonly of: number }
  | { readonly kind: 'stack'; readonly sources: readonly string[] }

export interface PlannedTensor {
  readonly shape: readonly number[]
  readonly assembly: Assembly
}

export interface WeightsPlan {
  /** By our name. */
  readonly tensors: ReadonlyMap<string, PlannedTensor>
  /** Pairs of the checkpoint's tensors that must hold the same values. */
  readonly ties: readonly (readonly [kept: string, other: string])[]
  /** The checkpoint's tensors that are left out, with the reason. */
  readonly ignored: ReadonlyMap<string, string>
  /** Names of ours that `optional` allowed to be missing, and that are. */
  readonly absent: readonly string[]
}

export interface PlanOptions {
  /** Patterns of our names that the checkpoint may lack. */
  readonly optional?: readonly string[]
  /** Patterns of the checkpoint's names to leave out, beside those of the layout: parts that are not wanted. */
  readonly ignore?: readonly string[]
  /** Names listed per kind of problem before "and N more". Default 20. */
  readonly maxListed?: number
}

/**
 * Says for each wanted name where its values are in a checkpoint of another layout. Nothing is read.
 * @param wanted Shape by our name: everything that the checkpoint should give.
 * @throws WeightsError that lists what is missing, unexpected and wrongly shaped.
 */
export function planWeights(
  table: Pick<TensorTable, 'path' | 'tensors'>,
  layout: NameLayout,
  wanted: ReadonlyMap<string, readonly number[]>,
  options: PlanOptions = {},
): WeightsPlan {
  const tensors = new Map<string, PlannedTensor>()
  const ties: [string, string][] = []
  const absent: string[] = []
  const missing: string[] = []
  const wrongShape: string[] = []
  for (const [name, shape] of wanted) {
    const found = findSource(table.tensors, layout, name)
    if (found.kind === 'missing') {
      if (matchesAny(options.optional ?? [], name)) absent.push(name)
      else missing.push(found.looked.length > 0 ? `${name} (as ${found.looked.join(' or ')})` : name)
      continue
    }
    const shapes = sourcesOf(found).map((source) => table.tensors.get(source)!.shape)
    if (assembledShape(found, shapes)?.join() !== shape.join())
      wrongShape.push(`${name} (expected ${list(shape)}, found ${shapes.map(list).join(' and ')})`)
    tensors.set(name, { shape, assembly: found })
    ties.push(...tiesOf(table.tensors, layout, name))
  }
  const used = new Set([...[...tensors.values()].flatMap(({ assembly }) => sourcesOf(assembly)), ...ties.flat()])
  const { ignored, unexpected } = sortUnused(table.tensors, layout, used, options)
  refuseMisfit(table.path, { missing, unexpected, 'wrong shape': wrongShape }, options.maxListed)
  return { tensors, ties, ignored, absent }
}

/** The checkpoint's tensors that a tensor of ours is made of. */
export const sourcesOf = (assembly: Assembly): readonly string[] =>
  assembly.kind === 'stack' ? assembly.sources : [assembly.source]

type Tensors = ReadonlyMap<string, TensorInfo>

function findSource(
  tensors: Tensors,
  layout: NameLayout,
  name: string,
): Assembly | { readonly kind: 'missing'; readonly looked: readonly string[] } {
  const rule = findRule(layout, name)
  if (rule === undefined) return { kind: 'missing', looked: [] }
  const [from, captures] = rule
  const needed = namesOf(from).map((alternatives) => alternatives.flatMap((pattern) => fillPattern(pattern, captures)))
  const sources: string[] = []
  for (const alternatives of needed) {
    const source = alternatives.find((alternative) => tensors.has(alternative))
    if (source === undefined) return { kind: 'missing', looked: alternatives }
    sources.push(source)
  }
  const [source] = sources as [string]
  if (typeof from !== 'string' && 'stack' in from) return { kind: 'stack', sources }
  if (typeof from !== 'string' && 'part' in from) return { kind: 'part', source, part: from.part, of: from.of }
  return { kind: 'whole', source }
}

function findRule(layout: NameLayout, name: string): readonly [NameSource, string[]] | undefined {
  for (const [own, from] of layout.rules) {
    const captures = matchPattern(own, name)
    if (captures !== undefined) return [from, captures]
  }
  return undefined
}

/** For each tensor that is needed, the names that it may have. */
function namesOf(from: NameSource): readonly (readonly string[])[] {
  if (typeof from === 'string') return [[from]]
  if ('anyOf' in from) return [from.anyOf]
  return 'stack' in from ? from.stack.map((name) => [name]) : [[from.name]]
}

/** The kept name with each other one that is there too. */
function tiesOf(tensors: Tensors, layout: NameLayout, name: string): [string, string][] {
  const [from, captures] = findRule(layout, name)!
  if (typeof from === 'string' || !('anyOf' in from)) return []
  const [kept, ...others] = from.anyOf
    .flatMap((pattern) => fillPattern(pattern, captures))
    .filter((alternative) => tensors.has(alternative))
  return others.map((other) => [kept!, other])
}

/** Undefined where the shapes do not go together. */
function assembledShape(assembly: Assembly, shapes: readonly (readonly number[])[]): readonly number[] | undefined {
  const [[rows = 0, ...rest]] = shapes as [readonly number[]]
  if (assembly.kind === 'whole') return shapes[0]
  if (assembly.kind === 'part') return rows % assembly.of === 0 ? [rows / assembly.of, ...rest] : undefined
  if (shapes.some((shape) => shape.slice(1).join() !== rest.join())) return undefined
  return [shapes.reduce((sum, [count = 0]) => sum + count, 0), ...rest]
}

function sortUnused(tensors: Tensors, layout: NameLayout, used: ReadonlySet<string>, { ignore = [] }: PlanOptions) {
  const ignored = new Map<string, string>()
  const unexpected: string[] = []
  const unusedLayer = findUnusedLayer(tensors, layout, used)
  for (const name of tensors.keys()) {
    if (used.has(name)) continue
    const reason =
      layout.ignored.find(([pattern]) => matchPattern(pattern, name) !== undefined)?.[1] ??
      (matchesAny(ignore, name) ? 'not wanted' : undefined) ??
      (unusedLayer !== undefined && layerOf(layout, name) === unusedLayer ? 'BLIP-2 does not run it' : undefined)
    if (reason === undefined) unexpected.push(name)
    else ignored.set(name, reason)
  }
  return { ignored, unexpected }
}

/** The encoder's last layer, where the model runs all but that one. */
function findUnusedLayer(tensors: Tensors, layout: NameLayout, used: ReadonlySet<string>): number | undefined {
  const lastLayer = (names: Iterable<string>) =>
    [...names].reduce((last, name) => Math.max(last, layerOf(layout, name) ?? -1), -1)
  const lastUsed = lastLayer(used)
  return lastUsed >= 0 && lastLayer(tensors.keys()) === lastUsed + 1 ? lastUsed + 1 : undefined
}

function layerOf({ encoderLayers }: NameLayout, name: string): number | undefined {
  const layer = encoderLayers === undefined ? undefined : matchPattern(encoderLayers, name)?.[0]
  return layer === undefined ? undefined : Number(layer)
}

const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matchPattern(pattern, name) !== undefined)

const list = (shape: readonly number[]): string => `[${shape.join(', ')}]`
