import { Graph, type Tensor } from '../../src/graph/index.js'
import { evaVit } from '../../src/models/evaVit.js'
import { resizePositions } from '../../src/models/positions.js'
import { layerNorm } from '../../src/nn/layers.js'
import { Scope } from '../../src/nn/scope.js'
import { float32 } from '../../src/runtime/index.js'
import { evaluate } from './evaluate.js'
import { type Fixture, number, tensor, type Values } from './fixture.js'

/** EVA's vision transformer after every layer, and its position table at other sizes. */
export async function evaVitCase({ config, inputs, weights, expected }: Fixture): Promise<Values> {
  const graph = new Graph()
  const p = new Scope(graph)
  const { output, hiddenStates, patches } = evaVit(
    p.in('visual_encoder'),
    {
      imageSize: number(config, 'img_size'),
      patchSize: number(config, 'patch_size'),
      width: number(config, 'embed_dim'),
      layers: number(config, 'depth'),
      heads: number(config, 'num_heads'),
      feedForward: number(config, 'mlp_hidden'),
      layerNormEpsilon: number(config, 'norm_eps'),
    },
    graph.input('images', 'float32', tensor(inputs, 'images').shape),
  )
  const outputs: Record<string, Tensor> = {
    patch_embed: patches,
    vit_out: output,
    ln_vision_out: layerNorm(p.in('ln_vision'), output, number(config, 'ln_vision_eps')),
  }
  hiddenStates.slice(1).forEach((state, i) => {
    outputs[`block.${i}`] = state
  })
  const values = await evaluate(outputs, { ...inputs, ...weights })

  const [source] = Object.keys(inputs).filter((name) => name.startsWith('pos_embed_'))
  for (const name of Object.keys(expected).filter((key) => key.startsWith('pos_interp_'))) {
    const { shape, data } = tensor(inputs, source!)
    const [, , width] = shape as [number, number, number]
    const side = Number(name.split('x')[1])
    const resized = resizePositions(data as Float32Array, width, side, { alignCorners: false })
    values[name] = float32([1, 1 + side * side, width], resized)
  }
  return values
}
