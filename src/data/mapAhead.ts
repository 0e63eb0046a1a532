/**
 * Does the work for up to `count` values at a time. Results come in the order of the values, an error at its place among
 * them. Closing the generator closes the source.
 */
export async function* mapAhead<Value, Result>(
  source: AsyncIterable<Value> | Iterable<Value>,
  count: number,
  work: (value: Value) => Promise<Result>,
): AsyncGenerator<Result> {
  const ahead: Promise<Result>[] = []
  for await (const value of source) {
    const result = work(value)
    // It is awaited in its turn; until then a failure must not count as unhandled.
    result.catch(() => undefined)
    ahead.push(result)
    if (ahead.length >= count) yield await ahead.shift()!
  }
  for (const result of ahead) yield await result
}
