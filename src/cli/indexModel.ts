import type { Command } from 'commander'
import type { PictureIndex } from '../pictureIndex/pictureIndex.js'
import type { ModelFlags } from './model.js'

/** Whether a first argument is a picture index and not a text or a folder of pictures. */
export const isIndexName = (argument: string): boolean => /\.lance\/?$/i.test(argument)

/** The model that was asked for, else the one that the index was made with. */
export function indexModelFlags<Flags extends ModelFlags>(command: Command, flags: Flags, index: PictureIndex): Flags {
  const asked = command.getOptionValueSource('model') !== 'default'
  return asked || index.modelName === '' ? flags : { ...flags, model: index.modelName }
}
