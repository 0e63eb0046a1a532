import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ARCHITECTURES, OPT_SIZES } from '../../src/models/presets.js'
import { fillNormalHalves } from '../../src/synth/normalHalves.js'
import { partSpecs } from '../../src/train/partSpecs.js'
import { parseModelConfig } from '../../src/weights/modelConfig.js'
import { TOKENIZER_FILES } from '../../src/weights/modelDirectory.js'
import { type LazyTensor, writeSafetensors } from '../../src/weights/safetensors/write.js'

const EMOJI = join(import.meta.dirname, '../../models/emoji')
/** Of BERT and of CLIP. */
const STD = 0.02

/**
 * Writes a model of the sizes of CLIP ViT-L, the paper's Q-Former and OPT-125M with random weights, float16, and the
 * tokenizers of models/emoji. -> its parameters
 * @param options.visionLayers Layers of the encoder, for a quicker one.
 */
export async function writeLargeModel(
  directory: string,
  { visionLayers }: { readonly visionLayers?: number } = {},
): Promise<number> {
  await mkdir(directory, { recursive: true })
  const { vision: whole, qformer } = ARCHITECTURES['blip2-vit-l-opt-2.7b']
  const vision = { ...whole, layers: visionLayers ?? whole.layers }
  const emoji = JSON.parse(await readFile(join(EMOJI, 'config.json'), 'utf8'))
  const json = { ...emoji, vision, qformer, language: { kind: 'opt', ...OPT_SIZES['125m'] }, embeddingWidth: 256 }
  await writeFile(join(directory, 'config.json'), JSON.stringify(json))
  for (const file of Object.values(TOKENIZER_FILES)) await copyFile(join(EMOJI, file), join(directory, file))
  const specs = partSpecs(parseModelConfig('config.json', json))
  let parameters = 0
  for (const part of ['vision', 'stage2', 'language'] as const) {
    const tensors = [...specs[part]].map(([name, { shape, initializer }]): [string, LazyTensor] => {
      const count = shape.reduce((product, size) => product * size, 1)
      parameters += count
      const read = async () => {
        const halves = new Uint16Array(count)
        // 0x3c00 is 1: the scales of LayerNorm.
        if (initializer.kind === 'ones') halves.fill(0x3c00)
        else if (initializer.kind !== 'zeros') fillNormalHalves(halves, STD, 0, name)
        return halves
      }
      return [name, { shape, dtype: 'F16', read }]
    })
    await writeSafetensors(join(directory, `${part}.safetensors`), new Map(tensors))
  }
  return parameters
}
