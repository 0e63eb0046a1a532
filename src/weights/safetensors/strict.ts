import { WeightsError } from '../../errors.js'
import type { TensorTable } from './types.js'

export interface StrictOptions {
  /** Tensors of the file that the model is known not to need, such as position ids: names or patterns. */
  readonly ignore?: readonly (string | RegExp)[]
  /** Names listed per kind of problem before "and N more". Default 20. */
  readonly maxListed?: number
}

/**
 * Compares the tensors a model wants with those a file or directory holds. Missing, unexpected and wrongly shaped
 * tensors are listed together in one WeightsError; a tensor is skipped only where `ignore` says so.
 * @param wanted Shape by name.
 */
export function checkTensors(
  table: TensorTable,
  wanted: ReadonlyMap<string, readonly number[]>,
  options: StrictOptions = {},
): void {
  const { ignore = [] } = options
  const isIgnored = (name: string) =>
    ignore.some((rule) => (typeof rule === 'string' ? rule === name : rule.test(name)))
  const missing = [...wanted.keys()].filter((name) => !table.tensors.has(name))
  const unexpected = [...table.tensors.keys()].filter((name) => !wanted.has(name) && !isIgnored(name))
  const wrongShape = [...wanted].flatMap(([name, shape]) => {
    const found = table.tensors.get(name)?.shape
    if (found === undefined || found.join() === shape.join()) return []
    return [`${name} (expected [${shape.join(', ')}], found [${found.join(', ')}])`]
  })
  refuseMisfit(table.path, { missing, unexpected, 'wrong shape': wrongShape }, options.maxListed)
}

/**
 * Throws one WeightsError that lists every kind of problem that there is, and does nothing where there is none.
 * @param problems The tensors concerned by kind of problem.
 */
export function refuseMisfit(
  path: string,
  problems: Readonly<Record<string, readonly string[]>>,
  maxListed = 20,
): void {
  const lines = Object.entries(problems)
    .filter(([, names]) => names.length > 0)
    .map(([problem, names]) => describe(problem, names, maxListed))
  if (lines.length > 0)
    throw new WeightsError(
      `${path}: the weights do not fit the model\n${lines.join('\n')}\nCheck that the configuration belongs to these weights.`,
    )
}

/**
 * Reads every wanted tensor as float32 after `checkTensors`.
 * @param wanted Shape by name, and where the values go (`into`; a new array otherwise).
 */
export async function loadStrict(
  table: TensorTable,
  wanted: ReadonlyMap<string, { readonly shape: readonly number[]; readonly into?: Float32Array }>,
  options: StrictOptions = {},
): Promise<Map<string, Float32Array>> {
  checkTensors(table, new Map([...wanted].map(([name, { shape }]) => [name, shape])), options)
  const loaded = new Map<string, Float32Array>()
  for (const [name, { into }] of wanted) loaded.set(name, await table.readFloat32(name, into))
  return loaded
}

function describe(problem: string, names: readonly string[], maxListed: number): string {
  const more = names.length > maxListed ? `, and ${names.length - maxListed} more` : ''
  return `  ${problem} (${names.length}): ${names.slice(0, maxListed).join(', ')}${more}`
}
