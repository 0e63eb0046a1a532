import { Graph } from '../../src/graph/index.js'
import type { Stage2Config } from '../../src/models/blip2.js'
import { optHead } from '../../src/models/opt.js'
import { LANGUAGE_MODEL, stage2 } from '../../src/train/objectives/stage2.js'
import { optConfig, qformerConfig } from './configs.js'
import { type Fixture, section, tensor, type Values } from './fixture.js'
import { evaluateWithGradients } from './gradients.js'

/** Stage 2 with a decoder: logits, loss and the gradient of everything that is trained; then with a text prompt. */
export async function stage2Opt({ config, inputs, weights }: Fixture): Promise<Values> {
  const settings: Stage2Config = {
    qformer: qformerConfig(section(config, 'qformer')),
    visionLayerNormEpsilon: Number(config['ln_vision_eps'] ?? 1e-5),
    language: optConfig(section(config, 'opt')),
  }
  const values: Values = {}
  for (const prefix of ['', 'prompt.']) {
    const ids = tensor(inputs, `${prefix}text_ids`)
    const graph = new Graph()
    const [batch, tokens] = ids.shape as [number, number]
    const patches = tensor(inputs, 'image').shape[1]!
    const { scope, loss, decoded, queryOutput, prompt } = stage2(graph, settings, { batch, patches, tokens })
    const logits = optHead(scope.in('opt_model'), settings.language, decoded)
    const trained = new Map([...scope.specs].filter(([name]) => !name.startsWith(LANGUAGE_MODEL)))
    const feeds = {
      ...weights,
      features: tensor(inputs, 'image'),
      ids,
      mask: tensor(inputs, `${prefix}text_mask`),
      targets: tensor(inputs, `${prefix}targets`),
    }
    const outputs = { loss, logits, query_output: queryOutput, inputs_opt: prompt }
    const found = await evaluateWithGradients(outputs, loss, trained, 'grad', feeds)
    for (const [name, value] of Object.entries(found)) values[prefix + name] = value
  }
  return values
}
