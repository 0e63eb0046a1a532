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
export function recognizeLayout(table: Named): NameLayout {
  const found = findLayout(table)
  if (found !== undefined) return found
  const first = [...table.tensors.keys()].slice(0, 5)
  throw new WeightsError(
    `${table.path}: these names belong to no kind of checkpoint that is known (${NAME_LAYOUTS.map(({ title }) => title).join(', ')}); the first are ${first.join(', ')}`,
  )
}

/** What went wrong with a checkpoint, with its kind in front where that is another one than was expected. */
export function explainLayout(error: unknown, table: Named, expected: NameLayout): unknown {
  const found = findLayout(table)
  if (!(error instanceof WeightsError) || found === undefined || found === expected) return error
  return new WeightsError(
    `${table.path}: expected ${expected.title}, but the names are those of ${found.title}\n${error.message}`,
    { cause: error },
  )
}

type Named = Pick<TensorTable, 'path' | 'tensors'>

function findLayout({ tensors }: Named): NameLayout | undefined {
  const names = [...tensors.keys()]
  return NAME_LAYOUTS.find(({ mark }) => names.some((name) => matchPattern(mark, name) !== undefined))
}
