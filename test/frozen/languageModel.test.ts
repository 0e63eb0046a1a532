import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLanguageModel } from '../../src/frozen/languageModel.js'
import { Graph, type Tensor } from '../../src/graph/index.js'
import { OPT_MODEL, T5_MODEL } from '../../src/models/blip2.js'
import { optDecode, optEmbed, optHead } from '../../src/models/opt.js'
import { t5Decode, t5Embed, t5Encode, t5Head } from '../../src/models/t5.js'
import { Scope } from '../../src/nn/scope.js'
import { float32, int64 } from '../../src/runtime/index.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import type { ModelConfig } from '../../src/weights/modelDirectory.js'
import { evaluate } from '../parity/evaluate.js'
import { withTemporaryDirectory } from '../weights/temporary.js'
import { expectedValues, frozenFixture, largestDifference, writeT5 } from './fixtures.js'

const file = withTemporaryDirectory()

/** Logits of a text that is its own prefix. */
function drawLogits(p: Scope, config: ModelConfig['language'], ids: Tensor, mask: Tensor): Tensor {
  if (config.kind === 'opt') {
    const model = p.in(OPT_MODEL)
    return optHead(model, config, optDecode(model, config, optEmbed(model, config, ids), mask).output)
  }
  const model = p.in(T5_MODEL)
  const { output: encoded } = t5Encode(model, config, t5Embed(model, config, ids), mask)
  return t5Head(model, config, t5Decode(model, config, { ids, mask, encoded, encodedMask: mask }).output)
}

describe('a language model of transformers', () => {
  it.each(['opt', 't5'] as const)('gives what it gives there: %s', async (name) => {
    const { config, weights } = await openLanguageModel(frozenFixture(name))
    const { ids, logits } = await expectedValues(name)
    const { shape } = ids!
    const p = new Scope(new Graph())
    const inputs = (['ids', 'mask'] as const).map((input) => p.graph.input(input, 'int64', shape))
    const found = drawLogits(p, config, inputs[0]!, inputs[1]!)
    const loaded = [...(await weights.load(p.specs))].map(
      ([own, data]) => [own, float32(p.specs.get(own)!.shape, data)] as const,
    )
    const mask = int64(
      shape,
      Array.from(ids!.data, () => 1),
    )
    const values = await evaluate({ found }, { ids: int64(shape, ids!.data), mask, ...Object.fromEntries(loaded) })
    expect(largestDifference(values['found']!.data as Float32Array, logits!.data)).toBeLessThan(1e-4)
  })

  it('of another kind is refused by name', async () => {
    await expect(openLanguageModel(frozenFixture('bert'))).rejects.toThrow(
      /expected the model_type opt or t5, found "bert"/,
    )
  })
})

describe('its tokenizer', () => {
  it('is made of vocab.json and merges.txt where there is nothing else, and cuts texts as transformers does', async () => {
    const { readTokenizer } = await openLanguageModel(frozenFixture('opt'))
    const tokenizer = Tokenizer.fromJson(await readTokenizer())
    const expected = JSON.parse(await readFile(join(frozenFixture('opt'), 'expected/tokens.json'), 'utf8'))
    for (const [text, ids] of expected) {
      expect(tokenizer.encode(text)).toEqual(ids)
      expect(tokenizer.decode(ids)).toBe(text)
    }
  })

  it('is tokenizer.json where there is one', async () => {
    const { readTokenizer } = await openLanguageModel(await writeT5(file('t5')))
    expect((await readTokenizer()).model.type).toBe('Unigram')
    await rm(join(file('t5'), 'tokenizer.json'))
    await expect(readTokenizer()).rejects.toThrow(/cannot read the tokenizer .*tokenizer\.json/)
  })

  it('is refused where ids leave a gap, special tokens are others’, or a merge is no pair', async () => {
    await cp(frozenFixture('opt'), file('opt'), { recursive: true })
    const { readTokenizer } = await openLanguageModel(file('opt'))
    const vocabulary = JSON.parse(await readFile(join(file('opt'), 'vocab.json'), 'utf8'))
    const withTokens = (tokens: object) => writeFile(join(file('opt'), 'vocab.json'), JSON.stringify(tokens))
    const { a: _, ...gap } = vocabulary
    await withTokens(gap)
    await expect(readTokenizer()).rejects.toThrow(/no token has the id \d+/)
    await withTokens({ ...vocabulary, '<s>': 1, '<pad>': 0 })
    await expect(readTokenizer()).rejects.toThrow(/token 0 is <pad>, OPT's is <s>/)
    await withTokens(vocabulary)
    await writeFile(join(file('opt'), 'merges.txt'), '#version: 0.2\nr e d\n')
    await expect(readTokenizer()).rejects.toThrow(/merge 1 is "r e d"; expected two symbols/)
  })
})
