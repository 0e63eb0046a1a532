/**
 * Reads up to `count` values ahead of the one who asks, in the background. An error comes at its place in the order.
 * Closing the generator closes the source.
 */
export async function* readAhead<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  const ahead: Promise<IteratorResult<T>>[] = []
  // Async generators answer calls one after another, so several may wait at once.
  const ask = () => {
    const step = iterator.next()
    // It is awaited in its turn; until then a failure must not count as unhandled.
    step.catch(() => undefined)
    ahead.push(step)
  }
  try {
    for (;;) {
      while (ahead.length <= count) ask()
      const { done, value } = await ahead.shift()!
      if (done) return
      yield value
    }
  } finally {
    await iterator.return?.()
  }
}
