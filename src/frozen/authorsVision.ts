import { WeightsError } from '../errors.js'
import type { DrawnVision } from '../weights/modelConfig.js'
import { matchPattern } from '../weights/names/pattern.js'
import type { TensorTable } from '../weights/safetensors/types.js'
import { PLAIN_FEATURES } from './visionConfig.js'

/** Where the authors' code has what the sizes are read from, in the encoder's two forms. */
const FORMS = {
  eva: {
    kernel: 'patch_embed.proj.weight',
    positions: 'pos_embed',
    layer: 'blocks.#.*',
    inner: 'blocks.0.mlp.fc1.weight',
    layerNormEpsilon: 1e-6,
    // ViT-g/14, the only one that was released; the file does not say it.
    headsOf: () => 16,
  },
  clip: {
    kernel: 'conv1.weight',
    positions: 'positional_embedding',
    layer: 'transformer.resblocks.#.*',
    inner: 'transformer.resblocks.0.mlp.c_fc.weight',
    layerNormEpsilon: 1e-5,
    // OpenAI's code: a head for every 64 features.
    headsOf: (width: number) => width / 64,
  },
} as const

/**
 * The sizes of an encoder in the authors' names, from its tensors: EVA-CLIP's (eva_vit_g.pth) or OpenAI's CLIP's
 * (clip_vit_L.pth), or the one in a whole checkpoint.
 * @param prefix In front of the encoder's names in the checkpoint.
 * @param unused Layers of the checkpoint that do not run: 1 of the encoder alone, 0 in a whole checkpoint.
 * @throws WeightsError where there is no such encoder.
 */
export function authorsVisionConfig(
  { path, tensors }: Pick<TensorTable, 'path' | 'tensors'>,
  prefix: string,
  unused: number,
): DrawnVision {
  const kind = tensors.has(prefix + FORMS.eva.kernel) ? 'eva' : 'clip'
  const form = FORMS[kind]
  const shapeOf = (name: string): readonly number[] => {
    const tensor = tensors.get(prefix + name)
    if (tensor) return tensor.shape
    throw new WeightsError(
      `${path}: expected the image encoder of EVA-CLIP (eva_vit_g.pth) or CLIP (clip_vit_L.pth), but there is no ${prefix}${name}`,
    )
  }
  const [width = 0, , patchSize = 0] = shapeOf(form.kernel)
  const positions = shapeOf(form.positions).at(-2) ?? 0
  const layers = [...tensors.keys()].map((name) => Number(matchPattern(prefix + form.layer, name)?.[0] ?? -1))
  return {
    kind,
    imageSize: Math.round(Math.sqrt(positions - 1)) * patchSize,
    patchSize,
    width,
    layers: Math.max(...layers) + 1 - unused,
    heads: form.headsOf(width),
    feedForward: shapeOf(form.inner)[0] ?? 0,
    layerNormEpsilon: form.layerNormEpsilon,
    ...PLAIN_FEATURES,
  }
}
