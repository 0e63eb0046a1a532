import { IMAGE_ENCODER } from '../../models/imageEncoder.js'

/**
 * Layer-wise decay of the learning rate (paper, appendix; authors' code): the last layer of the image encoder learns at
 * `decay` times the rate, each one below at `decay` times that of the one above, the embeddings least. All that is not of
 * the encoder learns at the full rate.
 *
 * @param layers of the encoder that run
 * @returns the share of the learning rate of a weight, by its full name
 */
export const layerDecay =
  (layers: number, decay: number): ((name: string) => number) =>
  (name) =>
    name.startsWith(`${IMAGE_ENCODER}.`) ? decay ** (layers + 1 - depthOf(name, layers)) : 1

/** 0 for the embeddings, 1 for the first layer; what is behind the layers counts with the last. */
function depthOf(name: string, layers: number): number {
  const layer = /\.(?:resblocks|blocks)\.(\d+)\./.exec(name)
  if (layer) return Number(layer[1]) + 1
  return /\.(?:conv1|patch_embed|class_embedding|cls_token|positional_embedding|pos_embed|ln_pre)(?:\.|$)/.test(name)
    ? 0
    : layers
}
