import { backward, Graph, mean, mul, type Tensor } from '../src/graph/index.js'
import { qformer } from '../src/models/qformer.js'
import { Scope } from '../src/nn/scope.js'
import { CompiledFunction, float32, int64, type Value } from '../src/runtime/index.js'
import { medianSeconds, randomValues } from './measure.js'

const SIZES = { layers: 12, width: 768, heads: 12, feedForward: 3072, vocabulary: 30_523, batch: 16, tokens: 64 }

/** Forward and backward of BERT-base with embeddings, every gradient written: GFLOP/s by the median of the runs. */
export async function bertStep(runs: number): Promise<{ gflops: number; seconds: number }> {
  const { layers, width, heads, feedForward, vocabulary, batch, tokens } = SIZES
  const graph = new Graph()
  const p = new Scope(graph)
  const textIds = graph.input('ids', 'int64', [batch, tokens])
  const config = {
    vocabularySize: vocabulary,
    width,
    layers,
    heads,
    feedForward,
    maxPositions: tokens,
    queries: 0,
    encoderWidth: width,
    crossAttentionEvery: 2,
    layerNormEpsilon: 1e-12,
  }
  const { output } = qformer(p.in('bert'), config, { textIds })
  const loss = mean(mul(output, output))
  const weights = [...graph.parameters.values()]
  const outputs: Record<string, Tensor> = { loss }
  for (const [weight, { dense, rows }] of backward(loss, weights)) {
    const { name } = weight.source as { name: string }
    if (dense) outputs[`gradient ${name}`] = dense
    rows.forEach(({ values }, i) => {
      outputs[`rows ${i} ${name}`] = values
    })
  }
  const step = await CompiledFunction.create(graph, outputs)
  const feeds: Record<string, Value> = { ids: int64([batch, tokens], randomIds(batch * tokens, vocabulary)) }
  for (const { name, shape } of p.specs.values()) feeds[name] = float32(shape, initialValues(name, shape))
  const seconds = await medianSeconds(() => step.run(feeds), runs)
  await step.dispose()
  const perLayer = 4 * width * width + 2 * width * feedForward
  // Forward 2 and backward 4 operations for each weight and token, and for both products of attention.
  const operations = 6 * batch * tokens * layers * perLayer + 12 * layers * batch * tokens * tokens * width
  return { gflops: operations / seconds / 1e9, seconds }
}

const randomIds = (count: number, below: number) => Array.from({ length: count }, (_, i) => (i * 7919) % below)

function initialValues(name: string, shape: readonly number[]): Float32Array {
  const size = shape.reduce((product, dim) => product * dim, 1)
  if (shape.length > 1) return randomValues(size, 0.035)
  return new Float32Array(size).fill(name.endsWith('weight') ? 1 : 0)
}
