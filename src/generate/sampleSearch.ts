import { Random } from '../train/random/random.js'
import type { Decoder } from './decoder.js'
import { logProbabilities } from './logProbabilities.js'
import { samplingRules, searchRules } from './logitsProcessors.js'
import type { Generated, GenerationOptions } from './options.js'

/** A text that is written, or done. */
interface Text {
  readonly ids: number[]
  readonly random: Random
  logProbability: number
  finishReason: Generated['finishReason'] | undefined
}

/**
 * One token at a time: the most likely (the lowest id wins ties), or one that is drawn. Yields the new tokens of every
 * text after each step, an end token included; returns the texts of each row.
 */
export async function* sampleSearch(
  decoder: Decoder,
  options: GenerationOptions,
): AsyncGenerator<readonly (readonly number[])[], Generated[][]> {
  const { vocabularySize } = decoder
  const { numReturnSequences, signal } = options
  signal?.throwIfAborted()
  let logits = await decoder.start()
  const rows = Array.from({ length: logits.length / vocabularySize }, () =>
    Array.from({ length: numReturnSequences }, (_, i) => newText(options, i)),
  )
  const texts = rows.flat()
  // The texts that are still written, each with its row among the logits.
  let open = rows.flatMap((own, row) => own.map((text) => ({ text, row })))
  for (;;) {
    for (const { text, row } of open)
      extend(text, logits.subarray(row * vocabularySize, (row + 1) * vocabularySize), options)
    yield texts.map(({ ids }) => ids)
    open = open.filter(({ text }) => text.finishReason === undefined)
    if (open.length === 0) break
    signal?.throwIfAborted()
    const parents = open.map(({ row }) => row)
    logits = await decoder.next(
      parents,
      open.map(({ text }) => text.ids.at(-1)!),
    )
    open = open.map(({ text }, row) => ({ text, row }))
  }
  return rows.map((own) => own.map((text) => finished(text, options)))
}

/** The numbers drawn depend on the seed alone, so a text does not change with what is beside it in the batch. */
const newText = ({ seed }: GenerationOptions, i: number): Text => ({
  ids: [],
  random: new Random(seed, `text ${i}`),
  logProbability: 0,
  finishReason: undefined,
})

function extend(text: Text, logits: Float32Array, options: GenerationOptions): void {
  const { doSample, endTokens, maxNewTokens, stop } = options
  const scores = Float64Array.from(logits)
  searchRules(scores, text.ids, options)
  if (doSample) samplingRules(scores, options)
  const token = doSample ? text.random.choice(logProbabilities(scores).map(Math.exp)) : largest(scores)
  text.logProbability += logProbabilities(logits)[token]!
  text.ids.push(token)
  if (endTokens.includes(token) || stop?.(text.ids)) text.finishReason = 'stop'
  else if (text.ids.length === maxNewTokens) text.finishReason = 'length'
}

function largest(scores: Float64Array): number {
  let best = 0
  scores.forEach((score, token) => {
    if (score > scores[best]!) best = token
  })
  return best
}

function finished({ ids, logProbability, finishReason }: Text, options: GenerationOptions): Generated {
  return {
    ids: withoutEnd(ids, options),
    finishReason: finishReason!,
    score: logProbability / ids.length ** options.lengthPenalty,
  }
}

/** The tokens before the one that ends the text. */
export const withoutEnd = (ids: readonly number[], { endTokens }: GenerationOptions): readonly number[] =>
  ids.length > 0 && endTokens.includes(ids.at(-1)!) ? ids.slice(0, -1) : ids
