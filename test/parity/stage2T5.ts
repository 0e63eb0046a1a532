import { Graph } from '../../src/graph/index.js'
import type { Stage2T5Config } from '../../src/models/blip2.js'
import { t5Head } from '../../src/models/t5.js'
import { stage2T5, T5_LANGUAGE_MODEL } from '../../src/train/objectives/stage2T5.js'
import { qformerConfig, t5Config } from './configs.js'
import { type Fixture, section, tensor, type Values } from './fixture.js'
import { evaluateWithGradients } from './gradients.js'

/** Stage 2 with an encoder and a decoder: logits, loss and the gradient of everything that is trained. */
export async function stage2T5Case({ config, inputs, weights }: Fixture): Promise<Values> {
  const settings: Stage2T5Config = {
    qformer: qformerConfig(section(config, 'qformer')),
    visionLayerNormEpsilon: 1e-5, // the fixture does not say
    language: t5Config(section(config, 't5')),
  }
  const graph = new Graph()
  const [batch, patches] = tensor(inputs, 'image').shape as [number, number]
  const { scope, loss, encoded, decoded, queryOutput, prompt } = stage2T5(graph, settings, {
    batch,
    patches,
    inputTokens: tensor(inputs, 'input_ids').shape[1]!,
    outputTokens: tensor(inputs, 'targets').shape[1]!,
  })
  const logits = t5Head(scope.in('t5_model'), settings.language, decoded)
  const trained = new Map([...scope.specs].filter(([name]) => !name.startsWith(T5_LANGUAGE_MODEL)))
  const outputs = { loss, logits, encoder: encoded, query_output: queryOutput, inputs_t5: prompt }
  const feeds = { ...weights, ...inputs, features: tensor(inputs, 'image') }
  return evaluateWithGradients(outputs, loss, trained, 'grad', feeds)
}
