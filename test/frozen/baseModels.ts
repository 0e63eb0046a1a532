import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fillNormalHalves } from '../../src/synth/normalHalves.js'
import { madeUpOptTokenizer } from '../../src/synth/madeUpTokenizer.js'
import { type LazyTensor, writeSafetensors } from '../../src/weights/safetensors/write.js'

type Shapes = Record<string, readonly number[]>

const WIDTH = 768
const FEED_FORWARD = 3072
const LAYERS = 12

/** openai/clip-vit-base-patch32's image side with random weights, as transformers' CLIPVisionModel is saved. */
export async function writeClipBase(directory: string): Promise<string> {
  const config = { model_type: 'clip_vision_model', patch_size: 32 }
  const pixels = { image_mean: [0.48, 0.46, 0.41], image_std: [0.27, 0.26, 0.28] }
  return writeModel(directory, { 'config.json': config, 'preprocessor_config.json': pixels }, clipShapes())
}

const OPT_VOCABULARY = 50272

/** facebook/opt-125m with random weights and a made-up tokenizer of its size, as transformers' OPTForCausalLM is saved. */
export async function writeOpt125m(directory: string): Promise<string> {
  const config = {
    model_type: 'opt',
    vocab_size: OPT_VOCABULARY,
    hidden_size: WIDTH,
    word_embed_proj_dim: WIDTH,
    num_hidden_layers: LAYERS,
    num_attention_heads: 12,
    ffn_dim: FEED_FORWARD,
    max_position_embeddings: 2048,
  }
  const texts = { 'config.json': config, 'tokenizer.json': madeUpOptTokenizer(OPT_VOCABULARY) }
  return writeModel(directory, texts, optShapes())
}

function clipShapes(): Shapes {
  const layers = Array.from({ length: LAYERS }, (_, i) => layerShapes(`vision_model.encoder.layers.${i}.`, CLIP_LAYER))
  return {
    'vision_model.embeddings.class_embedding': [WIDTH],
    'vision_model.embeddings.patch_embedding.weight': [WIDTH, 3, 32, 32],
    'vision_model.embeddings.position_embedding.weight': [50, WIDTH],
    ...norm('vision_model.pre_layrnorm'),
    ...Object.assign({}, ...layers),
    ...norm('vision_model.post_layernorm'),
  }
}

function optShapes(): Shapes {
  const layers = Array.from({ length: LAYERS }, (_, i) => layerShapes(`model.decoder.layers.${i}.`, OPT_LAYER))
  return {
    'model.decoder.embed_tokens.weight': [OPT_VOCABULARY, WIDTH],
    // The first two rows are OPT's padding.
    'model.decoder.embed_positions.weight': [2050, WIDTH],
    ...norm('model.decoder.final_layer_norm'),
    ...Object.assign({}, ...layers),
  }
}

interface LayerNames {
  readonly norms: readonly [string, string]
  readonly feedForward: readonly [string, string]
}
const CLIP_LAYER: LayerNames = { norms: ['layer_norm1', 'layer_norm2'], feedForward: ['mlp.fc1', 'mlp.fc2'] }
const OPT_LAYER: LayerNames = { norms: ['self_attn_layer_norm', 'final_layer_norm'], feedForward: ['fc1', 'fc2'] }

const layerShapes = (layer: string, { norms, feedForward }: LayerNames): Shapes => ({
  ...Object.assign({}, ...['q', 'k', 'v', 'out'].map((role) => linear(`${layer}self_attn.${role}_proj`, WIDTH, WIDTH))),
  ...norm(layer + norms[0]),
  ...norm(layer + norms[1]),
  ...linear(layer + feedForward[0], FEED_FORWARD, WIDTH),
  ...linear(layer + feedForward[1], WIDTH, FEED_FORWARD),
})

const norm = (name: string): Shapes => ({ [`${name}.weight`]: [WIDTH], [`${name}.bias`]: [WIDTH] })
const linear = (name: string, outputs: number, inputs: number): Shapes => ({
  [`${name}.weight`]: [outputs, inputs],
  [`${name}.bias`]: [outputs],
})

async function writeModel(directory: string, texts: Record<string, object>, shapes: Shapes): Promise<string> {
  await mkdir(directory, { recursive: true })
  for (const [name, content] of Object.entries(texts)) await writeFile(join(directory, name), JSON.stringify(content))
  const tensors = Object.entries(shapes).map(([name, shape]) => [name, randomTensor(name, shape)] as const)
  await writeSafetensors(join(directory, 'model.safetensors'), new Map(tensors), { metadata: { format: 'pt' } })
  return directory
}

const HALF_ONE = 0x3c00

/** Norms begin as ones and zeros, all else as normal numbers. */
function randomTensor(name: string, shape: readonly number[]): LazyTensor {
  const read = async () => {
    const values = new Uint16Array(shape.reduce((product, size) => product * size, 1))
    if (!/norm|layrnorm/.test(name)) fillNormalHalves(values, 0.02, 1, name)
    else if (name.endsWith('weight')) values.fill(HALF_ONE)
    return values
  }
  return { shape, dtype: 'F16', read }
}
