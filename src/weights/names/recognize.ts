import { WeightsError } from '../../errors.js'
import type { TensorTable } from '../safetensors/types.js'
import { authorsBlip2, evaVision } from './authors.js'
import { huggingFaceBert } from './bert.js'
import { huggingFaceBlip2 } from './blip2.js'
import { huggingFaceClip, openAiClip, openAiClipVision } from './clip.js'
import type { NameLayout } from './layout.js'
import { huggingFaceOpt } from './opt.js'
import { matchPattern } from './pattern.js'
import { huggingFaceT5 } from './t5.js'
import { huggingFaceVit } from './vit.js'

/** Every layout whose names can be mapped to ours. */
export const NAME_LAYOUTS: readonly NameLayout[] = [
  authorsBlip2,
  huggingFaceBlip2,
  huggingFaceClip,
  openAiClip,
  openAiClipVision,
  evaVision,
  huggingFaceOpt,
  huggingFaceT5,
  huggingFaceBert,
  huggingFaceVit,
]

/** The layout of a checkpoint's names. Throws a WeightsError for one that is not known. */
export function recognizeLayout({ path, tensors }: Pick<TensorTable, 'path' | 'tensors'>): NameLayout {
  const names = [...tensors.keys()]
  const found = NAME_LAYOUTS.find(({ mark }) => names.some((name) => matchPattern(mark, name) !== undefined))
  if (found !== undefined) return found
  throw new WeightsError(
    `${path}: these names belong to no kind of checkpoint that is known (${NAME_LAYOUTS.map(({ title }) => title).join(', ')}); the first are ${names.slice(0, 5).join(', ')}`,
  )
}
