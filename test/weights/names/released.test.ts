import { describe, expect, it } from 'vitest'
import { type ArchitectureSpecs, architectureSpecs } from '../../../src/models/architectureSpecs.js'
import { ARCHITECTURES, FLAN_T5_SIZES, OPT_SIZES } from '../../../src/models/presets.js'
import { authorsBlip2, evaVision } from '../../../src/weights/names/authors.js'
import { huggingFaceBert } from '../../../src/weights/names/bert.js'
import { huggingFaceBlip2, NOT_IN_HUGGING_FACE_RETRIEVAL } from '../../../src/weights/names/blip2.js'
import { huggingFaceClip, openAiClip, openAiClipVision } from '../../../src/weights/names/clip.js'
import { huggingFaceOpt } from '../../../src/weights/names/opt.js'
import { planWeights, sourcesOf, type WeightsPlan } from '../../../src/weights/names/plan.js'
import { recognizeLayout } from '../../../src/weights/names/recognize.js'
import { huggingFaceT5 } from '../../../src/weights/names/t5.js'
import { bertStartShapes, captioningShapes, hubShapes, type Shapes, shapesOf, stage1Shapes, tableOf } from './shapes.js'

const VIT_G = ARCHITECTURES['blip2-opt-2.7b']
const VIT_L = ARCHITECTURES['blip2-vit-l-opt-2.7b']

/** Every wanted name has a place, every name of the checkpoint is used, tied or left out with a reason, none twice over. */
function expectWhole(plan: WeightsPlan, wanted: Shapes, checkpoint: Shapes): void {
  expect([...plan.tensors.keys(), ...plan.absent].sort()).toEqual([...wanted.keys()].sort())
  const used = new Set([...plan.tensors.values()].flatMap(({ assembly }) => sourcesOf(assembly)))
  const accounted = new Set([...used, ...plan.ties.flat(), ...plan.ignored.keys()])
  expect([...accounted].sort()).toEqual([...checkpoint.keys()].sort())
}

const sourceOf = (plan: WeightsPlan, name: string) => plan.tensors.get(name)?.assembly

describe("Hugging Face's BLIP-2", () => {
  it.each([
    ['blip2-opt-2.7b', ARCHITECTURES['blip2-opt-2.7b'], 224],
    ['blip2-opt-2.7b-coco', ARCHITECTURES['blip2-opt-2.7b'], 364],
    ['blip2-opt-6.7b', ARCHITECTURES['blip2-opt-6.7b'], 224],
    ['blip2-opt-6.7b-coco', ARCHITECTURES['blip2-opt-6.7b'], 364],
    ['blip2-flan-t5-xl', ARCHITECTURES['blip2-flan-t5-xl'], 224],
    ['blip2-flan-t5-xl-coco', ARCHITECTURES['blip2-flan-t5-xl'], 364],
    ['blip2-flan-t5-xxl', ARCHITECTURES['blip2-flan-t5-xxl'], 224],
  ] as const)('%s gives every weight of captioning', (model, architecture, pixels) => {
    const checkpoint = hubShapes(model)
    const wanted = captioningShapes(architecture, pixels)
    const table = tableOf(checkpoint)
    expect(recognizeLayout(table)).toBe(huggingFaceBlip2)
    const plan = planWeights(table, huggingFaceBlip2, wanted)
    expectWhole(plan, wanted, checkpoint)
    expect([...plan.ignored.keys()]).toEqual([])
    // Files that hold each tied tensor once, under whichever of its names.
    const tied = [...new Set(plan.ties.flat())]
    for (const kept of tied) {
      const once = new Map([...checkpoint].filter(([name]) => name === kept || !tied.includes(name)))
      const single = planWeights(tableOf(once), huggingFaceBlip2, wanted)
      expectWhole(single, wanted, once)
      expect(single.ties).toEqual([])
    }
    expect(tied.length).toBe(architecture.language.kind === 'opt' ? 2 : 3)
  })

  it.each([
    ['blip2-itm-vit-g', 224],
    ['blip2-itm-vit-g-coco', 364],
  ])('%s gives every weight of retrieval, and none that only training needs', (model, pixels) => {
    const checkpoint = hubShapes(model)
    const wanted = stage1Shapes(VIT_G, pixels)
    const plan = planWeights(tableOf(checkpoint), huggingFaceBlip2, wanted, { optional: NOT_IN_HUGGING_FACE_RETRIEVAL })
    expectWhole(plan, wanted, checkpoint)
    expect(plan.absent).toContain('temp')
    expect(plan.absent.filter((name) => !name.startsWith('Qformer.cls.'))).toEqual(['temp'])
    expect(() => planWeights(tableOf(checkpoint), huggingFaceBlip2, wanted)).toThrow(/missing \(6\): .*temp/)
  })

  it('maps one name of each kind', () => {
    const wanted = captioningShapes(VIT_G)
    const plan = planWeights(tableOf(hubShapes('blip2-opt-2.7b')), huggingFaceBlip2, wanted)
    const bias = 'vision_model.encoder.layers.38.self_attn.qkv.bias'
    expect(sourceOf(plan, 'visual_encoder.blocks.38.attn.q_bias')).toEqual({
      kind: 'part',
      source: bias,
      part: 0,
      of: 3,
    })
    expect(sourceOf(plan, 'visual_encoder.blocks.38.attn.v_bias')).toEqual({
      kind: 'part',
      source: bias,
      part: 2,
      of: 3,
    })
    const whole = (name: string) => ({ kind: 'whole', source: name })
    expect(sourceOf(plan, 'ln_vision.bias')).toEqual(whole('vision_model.post_layernorm.bias'))
    expect(sourceOf(plan, 'opt_proj.weight')).toEqual(whole('language_projection.weight'))
    expect(sourceOf(plan, 'Qformer.bert.encoder.layer.10.crossattention.self.key.weight')).toEqual(
      whole('qformer.encoder.layer.10.crossattention.attention.key.weight'),
    )
    expect(sourceOf(plan, 'Qformer.bert.encoder.layer.11.attention.output.LayerNorm.bias')).toEqual(
      whole('qformer.encoder.layer.11.attention.output.LayerNorm.bias'),
    )
    expect(sourceOf(plan, 'opt_model.model.decoder.layers.31.self_attn.k_proj.bias')).toEqual(
      whole('language_model.model.decoder.layers.31.self_attn.k_proj.bias'),
    )
  })
})

describe("Hugging Face's frozen models", () => {
  const { vision: clip } = architectureSpecs(VIT_L)

  it.each(['clip-vit-large-patch14', 'clip-vit-large-patch14-vision'])('%s gives 23 of its 24 layers', (model) => {
    const checkpoint = hubShapes(model)
    const plan = planWeights(tableOf(checkpoint), huggingFaceClip, shapesOf(clip))
    expect(recognizeLayout(tableOf(checkpoint))).toBe(huggingFaceClip)
    expectWhole(plan, shapesOf(clip), checkpoint)
    expect(plan.ignored.get('vision_model.encoder.layers.23.layer_norm1.bias')).toBe('BLIP-2 does not run it')
    expect([...plan.ignored.keys()].filter((name) => /layers\.(?!23)/.test(name) && !/^text/.test(name))).toEqual([])
    expect(sourceOf(plan, 'visual_encoder.transformer.resblocks.3.attn.in_proj_bias')).toEqual({
      kind: 'stack',
      sources: ['q', 'k', 'v'].map((role) => `vision_model.encoder.layers.3.self_attn.${role}_proj.bias`),
    })
    // As newer versions save the encoder alone.
    const bare = new Map([...checkpoint].map(([name, shape]) => [name.replace(/^vision_model\./, ''), shape]))
    expectWhole(planWeights(tableOf(bare), huggingFaceClip, shapesOf(clip)), shapesOf(clip), bare)
  })

  it.each(Object.keys(OPT_SIZES).filter((size) => !/^(13|30|66)b$/.test(size)))('opt-%s', (size) => {
    const language = { kind: 'opt' as const, ...OPT_SIZES[size as keyof typeof OPT_SIZES] }
    const wanted = shapesOf(architectureSpecs({ ...VIT_L, language }).language)
    const checkpoint = hubShapes(`opt-${size}`)
    const bare = new Map([...checkpoint].map(([name, shape]) => [name.replace(/^model\./, ''), shape]))
    for (const shapes of [checkpoint, bare]) {
      expect(recognizeLayout(tableOf(shapes))).toBe(huggingFaceOpt)
      expectWhole(planWeights(tableOf(shapes), huggingFaceOpt, wanted), wanted, shapes)
    }
  })

  it.each(Object.keys(FLAN_T5_SIZES))('flan-t5-%s', (size) => {
    const language = { kind: 't5' as const, ...FLAN_T5_SIZES[size as keyof typeof FLAN_T5_SIZES] }
    const wanted = shapesOf(architectureSpecs({ ...VIT_L, language }).language)
    const checkpoint = hubShapes(`flan-t5-${size}`)
    checkpoint.set('decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight', [32, language.heads])
    expect(recognizeLayout(tableOf(checkpoint))).toBe(huggingFaceT5)
    expectWhole(planWeights(tableOf(checkpoint), huggingFaceT5, wanted), wanted, checkpoint)
  })

  it('bert-base-uncased, with today’s names and with those of the released file', () => {
    const wanted = bertStartShapes(VIT_G)
    const checkpoint = hubShapes('bert-base-uncased')
    const released = new Map(
      [...checkpoint].map(([name, shape]) => [
        name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
        shape,
      ]),
    )
    for (const shapes of [checkpoint, released]) {
      expect(recognizeLayout(tableOf(shapes))).toBe(huggingFaceBert)
      expectWhole(planWeights(tableOf(shapes), huggingFaceBert, wanted), wanted, shapes)
    }
    const plan = planWeights(tableOf(released), huggingFaceBert, wanted)
    expect(sourceOf(plan, 'Qformer.bert.encoder.layer.4.output_query.LayerNorm.bias')).toEqual({
      kind: 'whole',
      source: 'bert.encoder.layer.4.output.LayerNorm.beta',
    })
  })
})

describe('encoders as the authors load them', () => {
  const renamed = (specs: ArchitectureSpecs['vision'], prefix: string) =>
    new Map([...specs].map(([name, { shape }]) => [name.replace('visual_encoder.', prefix), shape]))

  it('EVA: 39 of 40 blocks', () => {
    const { vision } = architectureSpecs(VIT_G)
    const more = architectureSpecs({ ...VIT_G, vision: { ...VIT_G.vision, layers: 40 } }).vision
    const checkpoint = renamed(more, '').set('norm.weight', [1408]).set('head.bias', [1024])
    expect(recognizeLayout(tableOf(checkpoint))).toBe(evaVision)
    const plan = planWeights(tableOf(checkpoint), evaVision, shapesOf(vision))
    expectWhole(plan, shapesOf(vision), checkpoint)
    expect(plan.ignored.has('blocks.39.attn.q_bias')).toBe(true)
  })

  it.each([
    [openAiClip, 'visual.'],
    [openAiClipVision, ''],
  ])('$title', (layout, prefix) => {
    const { vision } = architectureSpecs(VIT_L)
    const more = architectureSpecs({ ...VIT_L, vision: { ...VIT_L.vision, layers: 24 } }).vision
    const checkpoint = renamed(more, prefix).set(`${prefix}ln_post.weight`, [1024]).set(`${prefix}proj`, [1024, 768])
    if (prefix !== '')
      checkpoint.set('transformer.resblocks.0.ln_1.weight', [768]).set('positional_embedding', [77, 768])
    expect(recognizeLayout(tableOf(checkpoint))).toBe(layout)
    expectWhole(planWeights(tableOf(checkpoint), layout, shapesOf(vision)), shapesOf(vision), checkpoint)
  })

  it('BLIP-2 of stage 1 at full size', () => {
    const wanted = stage1Shapes(VIT_G)
    const checkpoint = new Map(wanted)
      .set('Qformer.bert.embeddings.position_ids', [1, 512])
      .set('Qformer.cls.predictions.decoder.weight', [30_523, 768])
      .set('Qformer.cls.predictions.decoder.bias', [30_523])
    const plan = planWeights(tableOf(checkpoint), authorsBlip2, wanted)
    expectWhole(plan, wanted, checkpoint)
    expect(plan.ties.length).toBe(2)
  })
})
