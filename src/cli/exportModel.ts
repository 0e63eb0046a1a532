import type { Command } from 'commander'
import { MODEL_DTYPES, type ModelDtypeName } from '../quantize/weightBits.js'
import { type Io, printJson } from './io.js'
import { addFrozenModelOptions, dtypeOption, type FrozenModelFlags, frozenModels } from './model.js'
import { addJsonOption, type JsonOption, positiveInteger } from './options.js'

type Flags = JsonOption &
  FrozenModelFlags & { readonly dtype: ModelDtypeName; readonly promptTokens: number; readonly cache?: string }

export function registerExport(program: Command, io: Io): void {
  const command = program
    .command('export')
    .description('write a model as ONNX graphs with external data, and compare them under plain onnxruntime')
    .argument('<model>', 'directory, OWNER/NAME on the hub, or .pth of the authors')
    .argument('<dir>', 'where it is written; must not exist yet')
    .addOption(dtypeOption())
    .option('--prompt-tokens <n>', 'tokens of the text prompt, padding included', positiveInteger, 8)
    .option('--cache <dir>', 'where converted weights are kept')
    .action(async (model: string, directory: string, flags: Flags) => {
      const { dtype, promptTokens, cache, json } = flags
      const { exportModel } = await import('../export/exportModel.js')
      const { bytes, parity } = await exportModel(model, directory, {
        promptTokens,
        dtype: MODEL_DTYPES[dtype],
        frozen: frozenModels(flags),
        signal: io.signal,
        ...(cache ? { cacheDir: cache } : {}),
        ...(io.interactive ? { onProgress: (doing) => io.err(`${doing}\n`) } : {}),
      })
      if (json) return printJson(io, { directory, bytes, parity })
      io.out(`${directory}: ${(bytes / 1e9).toFixed(3)} GB\n`)
      for (const [name, { largestDifference, largestValue }] of Object.entries(parity))
        io.out(
          `${name}.onnx: off by ${largestDifference.toExponential(1)} at most, where the largest value is ${largestValue.toPrecision(3)}\n`,
        )
    })
  addJsonOption(addFrozenModelOptions(command))
}
