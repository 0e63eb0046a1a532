import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, DataError } from '../../src/errors.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import type { TokenizerJson } from '../../src/text/tokenizerJson.js'
import { trainBpe } from '../../src/text/trainBpe.js'
import { trainWordPiece } from '../../src/text/trainWordPiece.js'

const texts = ['a red apple', 'a red car', 'a green car']
const bertJson = trainWordPiece(texts, { vocabularySize: 140 })
const bert = Tokenizer.fromJson(bertJson)
const opt = Tokenizer.fromJson(trainBpe(texts, { vocabularySize: 280 }))
const [cls, sep] = [bert.idOf('[CLS]'), bert.idOf('[SEP]')]

describe('encode', () => {
  it('puts [CLS] and [SEP] around a text for BERT, </s> before it for OPT', () => {
    expect(bert.encode('a red car')).toEqual([cls, ...bert.encode('a red car', { addSpecialTokens: false }), sep])
    expect(opt.encode('a red car')).toEqual([2, ...opt.encode('a red car', { addSpecialTokens: false })])
  })

  it('cuts the text and keeps the final [SEP]', () => {
    const [a, red] = bert.encode('a red', { addSpecialTokens: false })
    expect(bert.encode('a red car a red car', { maxLength: 4 })).toEqual([cls, a, red, sep])
    expect(opt.encode('a red car', { maxLength: 2 })).toEqual(opt.encode('a red car').slice(0, 2))
    expect(() => bert.encode('a', { maxLength: 1 })).toThrow(ConfigError)
  })

  it('reads a special token written in a text as that token', () => {
    expect(bert.encode('[DEC] a', { addSpecialTokens: false })[0]).toBe(bert.size - 1)
  })
})

describe('encodeBatch', () => {
  it('pads to the longest on the right by default', () => {
    const { ids, mask, shape } = bert.encodeBatch(['a', 'a red car'], { padTo: 'longest' })
    const long = bert.encode('a red car')
    const short = bert.encode('a')
    expect(shape).toEqual([2, long.length])
    expect([...ids].map(Number)).toEqual([...short, ...Array(long.length - short.length).fill(0), ...long])
    expect([...mask].map(Number)).toEqual([1, 1, 1, ...Array(long.length - 3).fill(0), ...Array(long.length).fill(1)])
  })

  it('pads on the left with the pad token of OPT', () => {
    const { ids, mask, shape } = opt.encodeBatch(['a red'], { padTo: 6, padSide: 'left' })
    const row = opt.encode('a red')
    expect(shape).toEqual([1, 6])
    expect([...ids].map(Number)).toEqual([...Array(6 - row.length).fill(1), ...row])
    expect([...mask].map(Number)).toEqual([...Array(6 - row.length).fill(0), ...Array(row.length).fill(1)])
  })

  it('never exceeds a fixed length', () => {
    const { ids, shape } = bert.encodeBatch(['a red car a red car'], { padTo: 4, maxLength: 9 })
    expect(shape).toEqual([1, 4])
    expect(Number(ids.at(-1))).toBe(sep)
  })

  it('takes an empty batch and empty texts', () => {
    expect(bert.encodeBatch([], { padTo: 'longest' }).shape).toEqual([0, 0])
    expect([...bert.encodeBatch([''], { padTo: 'longest' }).ids].map(Number)).toEqual([cls, sep])
  })
})

describe('decode', () => {
  it('leaves out special tokens unless told otherwise', () => {
    expect(opt.decode(opt.encode('a red car\n'))).toBe('a red car\n')
    expect(opt.decode(opt.encode('a red car'), { skipSpecial: false })).toBe('</s>a red car')
    expect(bert.decode(new BigInt64Array(bert.encode('a green car').map(BigInt)))).toBe('a green car')
  })

  it('gives no text for no ids and for ids beyond the vocabulary', () => {
    expect(opt.decode([])).toBe('')
    expect(opt.decode([opt.size + 5])).toBe('')
  })
})

describe('opening', () => {
  it('reads a tokenizer.json file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'blip2-tokenizer-'))
    try {
      const path = join(directory, 'tokenizer.json')
      await writeFile(path, JSON.stringify(bertJson))
      const read = await Tokenizer.fromFile(path)
      expect(read.encode('a red apple')).toEqual(bert.encode('a red apple'))
      await writeFile(path, '{ "version": "1.0"')
      await expect(Tokenizer.fromFile(path)).rejects.toThrow(DataError)
      await expect(Tokenizer.fromFile(join(directory, 'missing.json'))).rejects.toThrow(DataError)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('takes the forms of published files: merges as strings, other post-processors', () => {
    const optJson = trainBpe(texts, { vocabularySize: 280 })
    const merges = (optJson.model['merges'] as [string, string][]).map((pair) => pair.join(' '))
    const published = Tokenizer.fromJson({ ...optJson, model: { ...optJson.model, merges, unk_token: '</s>' } })
    expect(published.encode('a red apple\n')).toEqual(opt.encode('a red apple\n'))

    const processor = { type: 'BertProcessing', sep: ['[SEP]', sep], cls: ['[CLS]', cls] }
    const older = Tokenizer.fromJson({ ...bertJson, post_processor: processor })
    expect(older.encode('a red car a red car', { maxLength: 5 })).toEqual(
      bert.encode('a red car a red car', { maxLength: 5 }),
    )
    const bare = Tokenizer.fromJson({ ...bertJson, post_processor: null })
    expect(bare.encode('a red car')).toEqual(bert.encode('a red car', { addSpecialTokens: false }))
  })

  it('refuses an object that is not a tokenizer', () => {
    expect(() => Tokenizer.fromJson({ version: '1.0' } as TokenizerJson)).toThrow(DataError)
  })

  it('adds special tokens after the last id', () => {
    const extended = Tokenizer.fromJson(bertJson, { addTokens: ['[NEW]'] })
    expect(extended.idOf('[NEW]')).toBe(bert.size)
    expect(extended.size).toBe(bert.size + 1)
    expect(() => bert.idOf('[NEW]')).toThrow(ConfigError)
  })
})
