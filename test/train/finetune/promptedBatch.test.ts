import { describe, expect, it } from 'vitest'
import { promptedInputs } from '../../../src/train/finetune/promptedBatch.js'
import { bpe, wordPiece } from '../pretrain/tiny.js'

const row = (value: { data: ArrayLike<number | bigint>; shape: readonly number[] }, index: number) => {
  const width = value.shape[1]!
  return Array.from(value.data, Number).slice(index * width, (index + 1) * width)
}
const texts = [
  { prompt: 'a square in the', text: 'top left', question: 'where?' },
  { prompt: '', text: 'red' },
]

describe('inputs of texts after prompts', () => {
  const { ids, mask, labels, question_ids, question_mask } = promptedInputs(texts, {
    language: bpe,
    tokens: 16,
    questions: { tokenizer: wordPiece, tokens: 6 },
  })

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
    const labelled = row(labels!, 0).filter((label) => label !== -100)
    expect(bpe.decode(labelled)).toBe(' top left\n')
    expect(row(labels!, 0).every((label, i) => label === -100 || label === row(ids!, 0)[i])).toBe(true)
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
    const long = promptedInputs([{ prompt: 'a red square in the top left '.repeat(9), text: 'blue' }], {
      language: bpe,
      tokens: 8,
    })
    expect(row(long.mask!, 0)).toEqual(Array(8).fill(1))
    expect(bpe.decode(row(long.labels!, 0).filter((label) => label !== -100))).toBe(' blue\n')
  })
})
