import type { Command } from 'commander'
import type { PictureIndex } from '../pictureIndex/pictureIndex.js'
import type { ModelFlags, RetrievalModelFlag } from './model.js'

/** Whether a first argument is a picture index and not a text or a folder of pictures. */
export const isIndexName = (argument: string): boolean => /\.lance\/?$/i.test(argument)

/** The model that was asked for, else the one that the index was made with. */
export function indexModelFlags<Flags extends ModelFlags & RetrievalModelFlag>(
  command: Command,
  flags: Flags,
  index: PictureIndex,
): Flags {
  if (flags.retrievalModel !== undefined) return { ...flags, model: flags.retrievalModel }
  const asked = command.getOptionValueSource('model') !== 'default'
  return asked || index.modelName === '' ? flags : { ...flags, model: index.modelName }
}
