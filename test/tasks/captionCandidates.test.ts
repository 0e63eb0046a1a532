import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, ModelNotFoundError } from '../../src/errors.js'
import { Blip2, type Caption } from '../../src/index.js'
import { rerankScore } from '../../src/tasks/rank.js'
import { runCommand } from '../cli/runCommand.js'
import { picture, pictures } from './picture.js'
import { writeTinyModel } from './tinyModel.js'

let parent: string
let path: string
let model: Blip2
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-candidates-'))
  path = join(parent, 'tiny')
  await writeTinyModel(path)
  model = await Blip2.fromPretrained(path)
})
afterAll(async () => {
  await model.dispose()
  await rm(parent, { recursive: true })
})

const all = ({ alternatives = [], ...best }: Caption) => [best, ...alternatives]

describe('caption with candidates', () => {
  it('orders the beams by how well they fit the picture', async () => {
    const searched = all(await model.caption(picture(1), { numBeams: 6, numReturnSequences: 6 }))
    const texts = [...new Set(searched.map(({ text }) => text))]
    expect(texts.length).toBeGreaterThan(2)
    const matches = await model.match(picture(1), texts)
    const encoded = await model.encode(picture(1))
    const logits = await model.matchLogits(texts.map((text) => [encoded, text] as const))
    const scores = matches.map(({ itc }, i) => rerankScore(model.config)(logits[i]![1], itc))
    const best = texts.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!)

    const found = all(await model.caption(picture(1), { candidates: 6, numReturnSequences: 3 }))
    expect(found.map(({ text }) => text)).toEqual(best.slice(0, 3).map((i) => texts[i]))
    for (const [n, { match, score, text }] of found.entries()) {
      expect(match!.itm).toBeCloseTo(matches[best[n]!]!.itm, 4)
      expect(match!.itc).toBeCloseTo(matches[best[n]!]!.itc, 4)
      expect(score).toBeCloseTo(searched.find((one) => one.text === text)!.score, 4)
    }
  })

  it('gives a picture the same caption in a batch as alone, and from drawn texts too', async () => {
    for (const options of [{ candidates: 4 }, { candidates: 5, doSample: true, seed: 3 }]) {
      const together = await model.caption(pictures(3), options)
      const alone = await Promise.all(pictures(3).map((one) => model.caption(one, options)))
      expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text))
    }
  })

  it('takes the number from the model where the caller says nothing of the search', async () => {
    const own = join(parent, 'own')
    await cp(path, own, { recursive: true })
    const config = JSON.parse(await readFile(join(own, 'config.json'), 'utf8'))
    const generation = { ...config.generation, candidates: 6, languageWeight: 0 }
    await writeFile(join(own, 'config.json'), JSON.stringify({ ...config, generation }))
    await using chooser = await Blip2.fromPretrained(own)
    const chosen = await model.caption(picture(1), { candidates: 6 })
    expect(await chooser.caption(picture(1))).toEqual(chosen)
    for (const plain of [
      { numBeams: 2 },
      { doSample: true },
      { preset: 'lavis', maxNewTokens: 9 },
      { candidates: 1 },
    ] as const)
      expect((await chooser.caption(picture(1), plain)).match).toBeUndefined()
    const trusting = { ...config, generation: { ...generation, languageWeight: 1e6 } }
    await writeFile(join(own, 'config.json'), JSON.stringify(trusting))
    await using truster = await Blip2.fromPretrained(own)
    expect((await truster.caption(picture(1))).text).toBe((await model.caption(picture(1), { numBeams: 6 })).text)
    const { value } = await chooser.caption.stream(picture(1), { maxNewTokens: 1 }).next()
    expect(value).toBeDefined()
  })

  it('refuses fewer candidates than texts, parts of one, streams, and models without stage 1', async () => {
    await expect(model.caption(picture(1), { candidates: 2, numReturnSequences: 3 })).rejects.toThrow(
      'numReturnSequences is 3, but only 2 candidates',
    )
    await expect(model.caption(picture(1), { candidates: 1.5 })).rejects.toThrow(ConfigError)
    await expect(model.caption.stream(picture(1), { candidates: 2 }).next()).rejects.toThrow(/streamed/)
    const second = join(parent, 'second')
    await writeTinyModel(second, ['vision', 'stage2', 'language'])
    await using captioner = await Blip2.fromPretrained(second)
    await expect(captioner.caption(picture(1), { candidates: 2 })).rejects.toThrow(ModelNotFoundError)
  })

  it('is a flag of the command', async () => {
    const file = new URL('../../assets/demo/noto-v1-octopus.png', import.meta.url).pathname
    const { out } = await runCommand(['caption', file, '--model', path, '--candidates', '4', '--json'])
    expect(JSON.parse(out)[0].match.itc).toBeGreaterThan(-1)
  })
})
