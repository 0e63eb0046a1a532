import { weightBits } from '../src/quantize/weightBits.js'
import { type Architecture, architectureSpecs } from '../src/models/architectureSpecs.js'
import type { ParameterSpec } from '../src/nn/scope.js'
import { fillInitial } from '../src/train/program.js'
import { Random } from '../src/train/random/random.js'
import { BLOCK_SIZE, blocksOf } from '../src/weights/quantize/blocks.js'
import { scalesOf } from '../src/weights/quantize/format.js'
import { type TensorToWrite, writeSafetensors } from '../src/weights/safetensors/write.js'

/** Of uniform bytes around 128. */
const BYTE_DEVIATION = 256 / Math.sqrt(12)
/** Of the weights that the language models start with. */
const WEIGHT_DEVIATION = 0.02

/** Writes a language model's weights as they are stored in 8 bits: random bytes, without a float32 weight before them. */
export async function writeRandomLanguageModel(architecture: Architecture, path: string): Promise<void> {
  const bits = weightBits(architecture, { languageModel: 'q8' })
  const bytes = randomBytes()
  const tensors: [string, TensorToWrite][] = []
  for (const spec of architectureSpecs(architecture).language.values()) {
    const { name, shape } = spec
    if (bits(name) === 32) tensors.push([name, { shape, dtype: 'F32', read: async () => initial(spec) }])
    else {
      const [rows, columns] = shape as [number, number]
      const blocks = blocksOf(columns)
      const values = {
        shape: [rows, blocks, BLOCK_SIZE],
        dtype: 'U8',
        read: async () => bytes(rows * blocks * BLOCK_SIZE),
      } as const
      const scales = new Float32Array(rows * blocks).fill(WEIGHT_DEVIATION / BYTE_DEVIATION)
      tensors.push([name, values], [scalesOf(name), { shape: [rows, blocks], data: scales }])
    }
  }
  // Floats first, so that all of them are aligned.
  const isBytes = ([, tensor]: (typeof tensors)[number]) => tensor.dtype === 'U8'
  await writeSafetensors(path, new Map([...tensors.filter((tensor) => !isBytes(tensor)), ...tensors.filter(isBytes)]))
}

function initial({ name, shape, initializer }: ParameterSpec): Float32Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  fillInitial(values, initializer, new Random(1, name))
  return values
}

/** So many bytes of a sequence that repeats at a prime, so that no two rows of a matrix are alike. */
function randomBytes(): (length: number) => Uint8Array {
  const random = new Random(1, 'bytes')
  const period = Uint8Array.from({ length: 999_983 }, () => random.integer(256))
  return (length) => {
    const bytes = new Uint8Array(length)
    for (let start = 0; start < length; start += period.length)
      bytes.set(period.subarray(0, Math.min(period.length, length - start)), start)
    return bytes
  }
}
