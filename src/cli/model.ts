import { type Command, Option } from 'commander'
import { DEVICES, type Device } from '../runtime/devices.js'
import { Blip2 } from '../tasks/blip2.js'
import { SHIPPED_MODEL } from '../weights/shippedModel.js'
import type { Io } from './io.js'
import { positiveInteger } from './options.js'

export interface ModelFlags {
  readonly model: string
  readonly device: Device
  readonly threads?: number
}

export const addModelOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--model <directory>', 'the model').default(SHIPPED_MODEL, 'the drawings model of this package'),
    )
    .addOption(new Option('--device <device>', 'where it runs').choices([...DEVICES]).default('cpu'))
    .option('--threads <n>', 'threads of one operator (default: one per core)', positiveInteger)

/** Opens the model for as long as `work` takes. */
export async function withModel<T>(io: Io, flags: ModelFlags, work: (model: Blip2) => Promise<T>): Promise<T> {
  await using model = await Blip2.fromPretrained(flags.model, {
    device: flags.device,
    signal: io.signal,
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
  })
  return await work(model)
}
