import { describe, expect, it } from 'vitest'
import { type BatchReport, Dispatcher } from '../../src/serve/inference/dispatcher.js'
import type { InferenceModel } from '../../src/serve/inference/inferenceModel.js'
import { until } from './testServer.js'

const never = new AbortController().signal

/** A model whose "vector" of a text is its length, that fails at the text 'bad', and works when it is told to. */
function countingModel() {
  const calls: { task: string; texts: string[]; options: object; signal: AbortSignal }[] = []
  const waiting: (() => void)[] = []
  let held = true
  const model: InferenceModel = {
    info: { imageSize: 1, queries: 1, candidates: 1 },
    died: new Promise(() => {}),
    dispose: async () => {},
    run: async (task, inputs, options, signal) => {
      const texts = (inputs as readonly { text: string }[]).map(({ text }) => text)
      calls.push({ task, texts, options, signal })
      if (held) await new Promise<void>((resolve) => waiting.push(resolve))
      signal.throwIfAborted()
      if (texts.includes('bad')) throw new Error(`bad among ${texts.length}`)
      return texts.map((text) => Float32Array.of(text.length)) as never
    },
    async *stream(_, input) {
      const { text } = input as unknown as { text: string }
      await new Promise<void>((resolve) => waiting.push(resolve))
      yield text
      return { text, finishReason: 'stop', score: 0 }
    },
  }
  return {
    model,
    calls,
    waiting: () => waiting.length,
    step: () => waiting.shift()!(),
    go: () => {
      held = false
      for (const resolve of waiting.splice(0)) resolve()
    },
  }
}

const embed = (dispatcher: Dispatcher, texts: readonly string[], signal = never, options: object = {}) =>
  dispatcher.run(
    'embedText',
    texts.map((text) => ({ text })),
    options,
    signal,
  )

describe('Dispatcher', () => {
  it('runs together what came while a batch ran, equal options only, up to the batch size', async () => {
    const { model, calls, go } = countingModel()
    const batches: BatchReport[] = []
    const dispatcher = new Dispatcher([model], { maxBatch: 4, onBatch: (batch) => batches.push(batch) })
    const all = [
      embed(dispatcher, ['first']),
      embed(dispatcher, ['a']),
      embed(dispatcher, ['other'], never, { layer: 1 }),
      embed(dispatcher, ['bb', 'ccc']),
      embed(dispatcher, ['dd', 'ee']),
      embed(dispatcher, ['ffff']),
    ]
    expect(dispatcher.waiting).toBe(5)
    go()
    const results = await Promise.all(all)
    expect(results.map((vectors) => vectors.map(([length]) => length))).toEqual([[5], [1], [5], [2, 3], [2, 2], [4]])
    expect(calls.map(({ texts }) => texts)).toEqual([['first'], ['a', 'bb', 'ccc', 'ffff'], ['other'], ['dd', 'ee']])
    expect(batches.map(({ requests, inputs }) => [requests, inputs])).toEqual([
      [1, 1],
      [3, 4],
      [1, 1],
      [1, 2],
    ])
    expect(dispatcher.expectedWait).toBeGreaterThanOrEqual(0)
  })

  it('uses every model', async () => {
    const [one, two] = [countingModel(), countingModel()]
    const dispatcher = new Dispatcher([one.model, two.model], { maxBatch: 4 })
    const all = [embed(dispatcher, ['a']), embed(dispatcher, ['b'])]
    expect([one.calls.length, two.calls.length]).toEqual([1, 1])
    one.go()
    two.go()
    await Promise.all(all)
  })

  it('lets a bad input fail alone', async () => {
    const { model, go } = countingModel()
    const dispatcher = new Dispatcher([model], { maxBatch: 8 })
    const all = ['first', 'good', 'bad', 'fine'].map((text) => embed(dispatcher, [text]))
    go()
    const settled = await Promise.allSettled(all)
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(settled[2]).toMatchObject({ reason: { message: 'bad among 1' } })
  })

  it('forgets a request that is aborted while it waits', async () => {
    const { model, calls, go } = countingModel()
    const dispatcher = new Dispatcher([model], { maxBatch: 8 })
    const controller = new AbortController()
    const first = embed(dispatcher, ['first'])
    const waiting = embed(dispatcher, ['gone'], controller.signal)
    const reason = new Error('left')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(dispatcher.waiting).toBe(0)
    go()
    await first
    expect(calls).toHaveLength(1)
    await expect(embed(dispatcher, ['late'], controller.signal)).rejects.toBe(reason)
  })

  it('stops a batch when nobody waits for it any more, and not before', async () => {
    const { model, calls, step, go } = countingModel()
    const dispatcher = new Dispatcher([model], { maxBatch: 8 })
    const first = embed(dispatcher, ['first'])
    const [one, two] = [new AbortController(), new AbortController()]
    const all = [embed(dispatcher, ['a'], one.signal), embed(dispatcher, ['b'], two.signal)]
    step()
    await first
    await until(() => calls.length === 2)
    one.abort()
    await expect(all[0]).rejects.toThrow()
    expect(calls[1]!.signal.aborted).toBe(false)
    two.abort()
    await expect(all[1]).rejects.toThrow()
    expect(calls[1]!.signal.aborted).toBe(true)
    go()
    expect(await embed(dispatcher, ['next'])).toHaveLength(1)
  })

  it('writes so many streams at a time; the next begins when one ends or is left', async () => {
    const { model, waiting, step } = countingModel()
    const dispatcher = new Dispatcher([model], { maxBatch: 8, maxStreams: 2 })
    const open = (text: string, signal = never) => dispatcher.stream('caption', { text } as never, {}, signal)
    const [a, b, c] = [open('a'), open('b'), open('c')]
    const [first, second, third] = [a.next(), b.next(), c.next()]
    await until(() => waiting() === 2)
    step()
    expect(await first).toEqual({ done: false, value: 'a' })
    await a.return(undefined as never)
    await until(() => waiting() === 2)
    const controller = new AbortController()
    const waitingOne = open('d', controller.signal).next()
    controller.abort(new Error('left'))
    await expect(waitingOne).rejects.toThrow('left')
    step()
    step()
    expect(await second).toEqual({ done: false, value: 'b' })
    expect(await third).toEqual({ done: false, value: 'c' })
  })
})
