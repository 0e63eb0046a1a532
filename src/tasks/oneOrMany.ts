import { ConfigError } from '../errors.js'

/** One input, or an array of them. */
export type OneOrMany<T> = T | readonly T[]

/** One input gives one result, an array gives an array. */
export async function forEach<In, Out>(
  input: OneOrMany<In>,
  run: (all: readonly In[]) => Promise<readonly Out[]>,
): Promise<Out | readonly Out[]> {
  if (Array.isArray(input)) return input.length === 0 ? [] : run(input)
  const [only] = await run([input as In])
  return only!
}

/**
 * One of either goes with all of the other; two arrays go together item by item. `what` are the second ones, for the
 * ConfigError of arrays that do not fit each other.
 */
export function pair<A, B>(first: OneOrMany<A>, second: OneOrMany<B>, what: string): [A, B][] {
  if (!Array.isArray(first)) return (Array.isArray(second) ? second : [second]).map((b): [A, B] => [first as A, b])
  if (!Array.isArray(second)) return first.map((a): [A, B] => [a, second as B])
  if (first.length !== second.length)
    throw new ConfigError(
      `${first.length} pictures and ${second.length} ${what}s do not go together; give one ${what} for each picture`,
    )
  return first.map((a, i): [A, B] => [a, second[i]!])
}
