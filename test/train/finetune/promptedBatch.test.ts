import { describe, expect, it } from 'vitest'
import { promptedInputs } from '../../../src/train/finetune/promptedBatch.js'
import { bpe, wordPiece } from '../pretrain/tiny.js'
import { tokenizer as t5 } from '../t5/tinyT5.js'

const row = (value: { data: ArrayLike<number | bigint>; shape: readonly number[] }, index: number) => {
  const width = value.shape[1]!
  return Array.from(value.data, Number).slice(index * width, (index + 1) * width)
}
const labelsOf = (feeds: ReturnType<typeof promptedInputs>['feeds']) =>
  row(feeds['targets']!, 0).filter((label) => label !== -100)
const texts = [
  { prompt: 'a square in the', text: 'top left', question: 'where?' },
  { prompt: '', text: 'red' },
]

const lengths = { tokens: 16, promptTokens: 16, textTokens: 8 }

describe('inputs of texts after prompts', () => {
  const { feeds, labels } = promptedInputs(texts, {
    ...lengths,
    kind: 'opt',
    language: bpe,
    questions: { tokenizer: wordPiece, tokens: 6 },
  })
  const { ids, mask, targets, places, question_ids, question_mask } = feeds

  it('read as one text with its line break', () => {
    const length = row(mask!, 0).reduce((a, b) => a + b)
    expect(bpe.decode(row(ids!, 0).slice(0, length))).toBe('a square in the top left\n')
    expect(
      bpe.decode(
        row(ids!, 1).slice(
          0,
          row(mask!, 1).reduce((a, b) => a + b),
        ),
      ),
    ).toBe('red\n')
  })

  it('have labels on the text and its line break only', () => {
    const labelled = row(targets!, 0).filter((label) => label !== -100)
    expect(bpe.decode(labelled)).toBe(' top left\n')
    const read = row(places!, 0).map((place) => row(ids!, 0)[place])
    expect(read.slice(0, labelled.length)).toEqual(labelled)
    expect([...labels]).toEqual([...row(targets!, 0), ...row(targets!, 1)].map((label) => Number(label !== -100)))
  })

  it('give the Q-Former the question', () => {
    expect(question_ids!.shape).toEqual([2, 6])
    expect(
      row(question_ids!, 0).slice(
        0,
        row(question_mask!, 0).reduce((a, b) => a + b),
      ),
    ).toEqual(wordPiece.encode('where?'))
  })

  it('lose the beginning of a long prompt and never the text', () => {
    const { feeds: long } = promptedInputs([{ prompt: 'a red square in the top left '.repeat(9), text: 'blue' }], {
      ...lengths,
      kind: 'opt',
      language: bpe,
      tokens: 8,
    })
    expect(row(long['mask']!, 0)).toEqual(Array(8).fill(1))
    expect(row(long['places']!, 0).at(labelsOf(long).length - 1)).toBe(7)
    expect(bpe.decode(labelsOf(long))).toBe(' blue\n')
  })

  it("are the prompt for T5's encoder and the text for its decoder, each with an end token", () => {
    const { feeds: pair, labels: counted } = promptedInputs(texts, { ...lengths, kind: 't5', language: t5 })
    const read = (name: string, index: number) =>
      row(pair[name]!, index).filter((id) => id !== -100 && id !== t5.paddingId)
    expect(read('input_ids', 0)).toEqual(t5.encode('a square in the'))
    expect(read('targets', 0)).toEqual(t5.encode('top left'))
    expect(pair['output_mask']!.shape).toEqual([2, lengths.textTokens])
    expect([...counted]).toEqual(Array.from(pair['output_mask']!.data, Number))
  })
})
