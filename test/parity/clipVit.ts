import { Graph, type Tensor } from '../../src/graph/index.js'
import { resizePositions } from '../../src/models/positions.js'
import { clipVit } from '../../src/models/vit.js'
import { layerNorm } from '../../src/nn/layers.js'
import { Scope } from '../../src/nn/scope.js'
import { float32 } from '../../src/runtime/index.js'
import { evaluate } from './evaluate.js'
import { type Fixture, number, tensor, type Values } from './fixture.js'

/** CLIP's vision transformer after every layer, and its position table at other sizes. */
export async function clipVitCase({ config, inputs, weights, expected }: Fixture): Promise<Values> {
  const graph = new Graph()
  const p = new Scope(graph)
  const { output, hiddenStates } = clipVit(
    p.in('visual_encoder'),
    {
      imageSize: number(config, 'img_size'),
      patchSize: number(config, 'patch_size'),
      width: number(config, 'width'),
      layers: number(config, 'layers'),
      heads: number(config, 'heads'),
      feedForward: number(config, 'mlp_hidden'),
      layerNormEpsilon: number(config, 'eps'),
    },
    graph.input('images', 'float32', tensor(inputs, 'images').shape),
  )
  const outputs: Record<string, Tensor> = {
    vit_out: output,
    ln_vision_out: layerNorm(p.in('ln_vision'), output, number(config, 'ln_vision_eps')),
  }
  hiddenStates.forEach((state, i) => {
    outputs[i === 0 ? 'ln_pre' : `block.${i - 1}`] = state
  })
  const values = await evaluate(outputs, { ...inputs, ...weights })

  const [source] = Object.keys(inputs).filter((name) => name.startsWith('positional_embedding_'))
  for (const name of Object.keys(expected).filter((key) => key.startsWith('pos_interp_'))) {
    const { shape, data } = tensor(inputs, source!)
    const [, width] = shape as [number, number]
    const side = Number(name.split('x')[1])
    const resized = resizePositions(data as Float32Array, width, side, { alignCorners: true })
    values[name] = float32([1 + side * side, width], resized)
  }
  return values
}
