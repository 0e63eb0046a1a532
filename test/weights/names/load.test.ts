import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { WeightsError } from '../../../src/errors.js'
import { authorsBlip2 } from '../../../src/weights/names/authors.js'
import { huggingFaceBlip2 } from '../../../src/weights/names/blip2.js'
import { huggingFaceClip } from '../../../src/weights/names/clip.js'
import { loadPlanned } from '../../../src/weights/names/load.js'
import { planWeights } from '../../../src/weights/names/plan.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../../src/weights/safetensors/write.js'
import { withTemporaryDirectory } from '../temporary.js'

const temporary = withTemporaryDirectory()

/** A file with these values. */
async function openValues(tensors: Record<string, [shape: number[], values: number[]]>): Promise<SafetensorsFile> {
  const path = temporary('values.safetensors')
  await writeSafetensors(
    path,
    new Map(
      Object.entries(tensors).map(([name, [shape, values]]) => [name, { shape, data: Float32Array.from(values) }]),
    ),
  )
  return await SafetensorsFile.open(path)
}

describe('loadPlanned', () => {
  it('takes the bias of queries and of values out of one tensor', async () => {
    const layer = 'vision_model.encoder.layers.0.self_attn'
    await using file = await openValues({ [`${layer}.qkv.bias`]: [[6], [1, 2, 3, 4, 5, 6]] })
    const own = 'visual_encoder.blocks.0.attn'
    const wanted = new Map([`${own}.q_bias`, `${own}.v_bias`].map((name) => [name, [2]]))
    const loaded = await loadPlanned(file, planWeights(file, huggingFaceBlip2, wanted))
    expect(loaded.get(`${own}.q_bias`)).toEqual(Float32Array.of(1, 2))
    expect(loaded.get(`${own}.v_bias`)).toEqual(Float32Array.of(5, 6))
  })

  it('stacks queries, keys and values', async () => {
    const layer = 'vision_model.encoder.layers.0.self_attn'
    await using file = await openValues({
      [`${layer}.k_proj.weight`]: [
        [2, 2],
        [5, 6, 7, 8],
      ],
      [`${layer}.q_proj.weight`]: [
        [2, 2],
        [1, 2, 3, 4],
      ],
      [`${layer}.v_proj.weight`]: [
        [2, 2],
        [9, 10, 11, 12],
      ],
    })
    const name = 'visual_encoder.transformer.resblocks.0.attn.in_proj_weight'
    const loaded = await loadPlanned(file, planWeights(file, huggingFaceClip, new Map([[name, [6, 2]]])))
    expect([...loaded.get(name)!]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it('takes tied tensors that agree and refuses those that do not, where they are asked for', async () => {
    const table = 'language_model.model.decoder.embed_tokens.weight'
    const wanted = new Map([
      ['opt_model.model.decoder.embed_tokens.weight', [2, 1]],
      ['query_tokens', [1]],
    ])
    const queries: [number[], number[]] = [[1], [3]]
    const shape = [2, 1]
    const head = 'language_model.lm_head.weight'
    await using tied = await openValues({ [table]: [shape, [1, 2]], [head]: [shape, [1, 2]], query_tokens: queries })
    const loaded = await loadPlanned(tied, planWeights(tied, huggingFaceBlip2, wanted))
    expect([...loaded.get('opt_model.model.decoder.embed_tokens.weight')!]).toEqual([1, 2])

    await using untied = await openValues({ [table]: [shape, [1, 2]], [head]: [shape, [1, 3]], query_tokens: queries })
    const plan = planWeights(untied, huggingFaceBlip2, wanted)
    await expect(loadPlanned(untied, plan)).rejects.toThrow(WeightsError)
    await expect(loadPlanned(untied, plan)).rejects.toThrow(/embed_tokens\.weight and .*lm_head.* different values/)
    expect([...(await loadPlanned(untied, plan, ['query_tokens'])).keys()]).toEqual(['query_tokens'])
    await expect(loadPlanned(untied, plan, ['other'])).rejects.toThrow(/plan has no tensor "other"/)
  })

  it.each(['stage1-losses', 'stage2-opt', 'stage2-t5'])("reads the authors' names of %s as they are", async (name) => {
    const path = fileURLToPath(new URL(`../../fixtures/golden/${name}/weights.safetensors`, import.meta.url))
    await using file = await SafetensorsFile.open(path)
    const derived = /position_ids|lm_head\.weight$|embed_tokens\.weight$|cls\.predictions\.decoder/
    const isOwn = (tensor: string) => !derived.test(tensor) || /opt_model.*embed_tokens|t5_model\.lm_head/.test(tensor)
    const wanted = new Map([...file.tensors].filter(([own]) => isOwn(own)).map(([own, { shape }]) => [own, shape]))
    const plan = planWeights(file, authorsBlip2, wanted)
    const loaded = await loadPlanned(file, plan)
    expect([...loaded.keys()]).toEqual([...wanted.keys()])
    expect(plan.ties.length).toBe({ 'stage1-losses': 2, 'stage2-opt': 1, 'stage2-t5': 2 }[name])
    expect(loaded.get('query_tokens')).toEqual(await file.readFloat32('query_tokens'))
  })
})
