import { join } from 'node:path'
import { expect, it } from 'vitest'
import { generate } from '../../src/generate/generate.js'
import { OptGenerator } from '../../src/generate/optDecoder.js'
import { DEFAULT_GENERATION } from '../../src/generate/options.js'
import { heldWeights } from '../../src/weights/heldWeights.js'
import { optConfig } from '../parity/configs.js'
import { readFixture, section, tensor } from '../parity/fixture.js'

it("gives the greedy continuation of the authors' code, padding between soft prompt and text", async () => {
  const fixture = await readFixture(join(import.meta.dirname, '..', 'fixtures', 'golden', 'opt'))
  const { inputs, weights, expected } = fixture
  const named = Object.entries(weights).map(([name, { data }]) => [`opt_model.${name}`, data as Float32Array] as const)
  const config = optConfig(section(fixture.config, 'opt'), Number(fixture.config['layer_norm_eps'] ?? 1e-5))
  const generator = new OptGenerator(config, heldWeights(new Map(named)))
  const [ids, mask] = [tensor(inputs, 'left_ids'), tensor(inputs, 'left_mask')]
  const texts = {
    ids: ids.data as BigInt64Array,
    mask: mask.data as BigInt64Array,
    shape: ids.shape as [number, number],
  }
  const options = { ...DEFAULT_GENERATION, maxNewTokens: 8 }
  const found = await generate(generator.decode(tensor(inputs, 'query_embeds'), texts, 8), options)
  const greedy = Array.from(tensor(expected, 'prompt_left.greedy8').data, Number)
  expect(found.flatMap(([text]) => text!.ids)).toEqual(greedy)
  await generator.dispose()
})
