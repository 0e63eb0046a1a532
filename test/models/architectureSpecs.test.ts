import { describe, expect, it } from 'vitest'
import { architectureSpecs, parameterCount } from '../../src/models/architectureSpecs.js'
import { ARCHITECTURES, clipVitL, evaVitG, FLAN_T5_SIZES, OPT_SIZES, paperQFormer } from '../../src/models/presets.js'

const MILLION = 1e6
const BILLION = 1e9

describe('the models of the paper’s table 2', () => {
  const counts = (name: keyof typeof ARCHITECTURES) => {
    const { vision, bridge, language } = architectureSpecs(ARCHITECTURES[name])
    const total = [vision, bridge, language].reduce((sum, specs) => sum + parameterCount(specs), 0)
    const layer = [...vision].filter(([weight]) => /\.(res)?blocks\.0\./.test(weight))
    const words = language.get('t5_model.shared.weight')
    return {
      trained: Math.round(parameterCount(bridge) / MILLION),
      total,
      visionLayer: parameterCount(new Map(layer)),
      words: words ? parameterCount(new Map([['words', words]])) : 0,
    }
  }

  // The paper's totals come out when the encoder's last layer counts, and T5's word table once more for each stack.
  it.each([
    ['blip2-vit-l-opt-2.7b', 104, '3.1'],
    ['blip2-opt-2.7b', 107, '3.8'],
    ['blip2-opt-6.7b', 108, '7.8'],
    ['blip2-vit-l-flan-t5-xl', 103, '3.4'],
    ['blip2-flan-t5-xl', 107, '4.1'],
  ] as const)('%s trains %d M of %s B parameters', (name, paperTrained, paperTotal) => {
    const { trained, total, visionLayer, words } = counts(name)
    expect(trained).toBe(paperTrained)
    expect(((total + visionLayer + 2 * words) / BILLION).toFixed(1)).toBe(paperTotal)
  })

  // The paper says 12.1 B, less than the parts have in the released weights.
  it('blip2-flan-t5-xxl trains 108 M of 12.2 B parameters', () => {
    const { trained, total } = counts('blip2-flan-t5-xxl')
    expect(trained).toBe(108)
    expect((total / BILLION).toFixed(1)).toBe('12.2')
  })

  it('trains no weight of the text side', () => {
    const names = [...architectureSpecs(ARCHITECTURES['blip2-flan-t5-xl']).bridge.keys()]
    expect(
      names.filter((name) => /word_embeddings|position_embeddings|\.intermediate\.|\.output\.dense|cls\./.test(name)),
    ).toEqual(names.filter((name) => /attention\.output\.dense/.test(name)))
    expect(names).toContain('t5_proj.weight')
  })
})

describe('the sizes of the frozen parts', () => {
  const languageCount = (language: Parameters<typeof architectureSpecs>[0]['language']) =>
    parameterCount(
      architectureSpecs({ ...ARCHITECTURES['blip2-vit-l-opt-2.7b'], qformer: paperQFormer(1024), language }).language,
    )

  it.each([
    ['125m', 125_239_296],
    ['350m', 331_196_416],
    ['1.3b', 1_315_758_080],
    ['2.7b', 2_651_596_800],
    ['6.7b', 6_658_473_984],
  ] as const)('OPT %s has the %d of the released weights', (size, count) => {
    expect(languageCount({ kind: 'opt', ...OPT_SIZES[size] })).toBe(count)
  })

  it.each([
    ['13b', 12.9],
    ['30b', 30],
    ['66b', 65.7],
  ] as const)('OPT %s has about %d B', (size, billions) => {
    expect(languageCount({ kind: 'opt', ...OPT_SIZES[size] }) / BILLION).toBeCloseTo(billions, 0)
  })

  it.each([
    ['small', 76_961_152],
    ['base', 247_577_856],
    ['large', 783_150_080],
    ['xl', 2_849_757_184],
    ['xxl', 11_135_332_352],
  ] as const)('Flan-T5 %s has the %d of the released weights', (size, count) => {
    expect(languageCount({ kind: 't5', ...FLAN_T5_SIZES[size] })).toBe(count)
  })

  it('ViT-g has 39 layers, ViT-L has 23', () => {
    const visionCount = (name: keyof typeof ARCHITECTURES) =>
      parameterCount(architectureSpecs(ARCHITECTURES[name]).vision)
    expect(visionCount('blip2-opt-2.7b')).toBe(985_894_528)
    // Stem, class token, positions and first norm; then 12 widths squared and 13 widths a layer.
    const width = 1024
    const stem = width * 3 * 14 * 14 + width + 257 * width + 2 * width
    expect(visionCount('blip2-vit-l-opt-2.7b')).toBe(stem + 23 * (12 * width * width + 13 * width))
  })

  it.each([
    [224, 257],
    [364, 677],
    [490, 1226],
  ])('pictures of %d pixels have %d tokens with either encoder', (imageSize, tokens) => {
    const base = ARCHITECTURES['blip2-opt-2.7b']
    const language = { kind: 'opt', ...OPT_SIZES['125m'] } as const
    const eva = architectureSpecs({ ...base, language, vision: { kind: 'eva', ...evaVitG(imageSize) } })
    expect(eva.vision.get('visual_encoder.pos_embed')!.shape).toEqual([1, tokens, 1408])
    const clip = { kind: 'clip', ...clipVitL(imageSize) } as const
    const { vision } = architectureSpecs({ ...base, language, qformer: paperQFormer(clip.width), vision: clip })
    expect(vision.get('visual_encoder.positional_embedding')!.shape).toEqual([tokens, 1024])
  })
})
