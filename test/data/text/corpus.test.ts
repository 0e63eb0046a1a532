import { describe, expect, it } from 'vitest'
import { emojiConcepts } from '../../../src/data/emoji/concepts.js'
import { heldOutCaptions } from '../../../src/data/text/conceptText.js'
import { countWords, languageCorpus, TEXT_SOURCES } from '../../../src/data/text/corpus.js'
import { packTokens } from '../../../src/data/text/packTokens.js'
import { trainTokenizers } from '../../../src/data/text/tokenizers.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'

const options = { seed: 1, scenes: 500, captionRepeats: 1, recallRepeats: 1, concreteOnly: true }
const corpus = languageCorpus(options)
const ofSource = (source: string) => corpus.filter((document) => document.source === source).map(({ text }) => text)

describe('languageCorpus', () => {
  it('has every source, each document ending in its only line break', () => {
    for (const source of TEXT_SOURCES) expect(ofSource(source).length, source).toBeGreaterThan(500)
    expect(corpus.filter(({ text }) => text.indexOf('\n') !== text.length - 1)).toEqual([])
    expect(countWords(corpus).dictionary).toBeGreaterThan(500_000)
  })

  it('holds no caption of a held-out concept as a caption or an answer', () => {
    const heldOut = heldOutCaptions(emojiConcepts())
    const answers = [...ofSource('questions'), ...ofSource('scenes')].map((text) => text.split('Answer: ')[1] ?? '')
    const captions = ofSource('captions').map((text) => text.split(':')[0]!)
    const recalled = corpus
      .filter(({ source }) => source === 'recall')
      .flatMap(({ context, text }) => [context!, text, text.split('Answer: ')[1] ?? ''])
    expect(
      [...captions, ...answers, ...recalled].map((text) => text.trim()).filter((text) => heldOut.has(text)),
    ).toEqual([])
  })

  it('says again and names what the context says, and asks about it', () => {
    const recall = corpus.flatMap(({ context, text }) => (context === undefined ? [] : `${context} | ${text}`))
    expect(recall.length).toBe(ofSource('recall').length)
    expect(recall.filter((text) => /^([^|]+) \| \1\n$/.test(text)).length).toBeGreaterThan(4000)
    expect(recall.some((text) => /^[^|]*\bdam\b[^|]* \| beaver\n$/.test(text))).toBe(true)
    expect(recall.some((text) => /^[^|]* background \| Question: [^|]*Answer: .+\n$/.test(text))).toBe(true)
  })

  it('writes answers after the prompt of the paper', () => {
    expect(ofSource('questions').every((text) => /^Question: .+\? Answer: .+\n$/.test(text))).toBe(true)
    expect(ofSource('scenes').some((text) => /^[a-z].+\. Question: .+\? Answer: .+\n$/.test(text))).toBe(true)
  })

  it('is given by its seed', () => {
    const scenes = (seed: number) =>
      languageCorpus({ ...options, seed, scenes: 20 })
        .filter(({ source }) => source === 'scenes')
        .map(({ text }) => text)
    expect(scenes(2)).toEqual(scenes(2))
    expect(scenes(2)).not.toEqual(scenes(3))
  })
})

describe('tokenizers and packing', () => {
  const small = corpus.filter(({ source }, i) => source !== 'dictionary' || i % 20 === 0)
  const { wordPiece, bpe } = trainTokenizers({ corpus: small, wordPieceSize: 1000, bpeSize: 1000 })
  const tokenizer = Tokenizer.fromJson(bpe)
  const { training, validation } = packTokens(small, tokenizer, { length: 64, seed: 1 })

  it('trains both to the size asked for', () => {
    expect(tokenizer.size).toBe(1000)
    const pieces = Tokenizer.fromJson(wordPiece)
    expect(pieces.size).toBe(1000)
    expect(pieces.decode(pieces.encode('a red apple on a blue background'))).toBe('a red apple on a blue background')
  })

  it('packs whole documents without padding, each after </s>', () => {
    const [blocks, length] = training.shape
    expect(training.tokens.length).toBe(blocks * length)
    expect(training.tokens).not.toContain(tokenizer.paddingId)
    const texts = new Set(small.flatMap(({ context, text }) => [text, context ?? text]))
    const lead = tokenizer.idOf('</s>')
    expect(training.tokens[0]).toBe(lead)
    let row: number[] = []
    for (const id of training.tokens.subarray(0, 64 * 40)) {
      if (id === lead && row.length > 0) {
        expect(texts).toContain(tokenizer.decode(row))
        row = []
      } else row.push(id)
    }
  })

  it('holds about one document in 50 out for validation, whatever the seed', () => {
    const share = validation.tokens.length / (validation.tokens.length + training.tokens.length)
    expect(share).toBeGreaterThan(0.008)
    expect(share).toBeLessThan(0.03)
    const other = packTokens(small, tokenizer, { length: 64, seed: 2 })
    expect(Math.abs(other.validation.shape[0] - validation.shape[0])).toBeLessThanOrEqual(1)
    expect(other.training.tokens).not.toEqual(training.tokens)
  })
})
