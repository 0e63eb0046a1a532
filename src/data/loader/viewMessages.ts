import type { ErrorMessage } from '../../runtime/workerMessages.js'
import type { RandomState } from '../../train/random/random.js'
import type { EncodedPicture } from '../webdataset/captionedSample.js'
import type { TrainingView } from './trainingView.js'

/** A picture to be loaded, with the random numbers to load it with. */
export interface ViewRequest {
  readonly id: number
  readonly picture: EncodedPicture
  readonly random: RandomState
  /** Memory that is given along for the view's pixels. */
  readonly into?: Float32Array
}

export type ViewResponse = { readonly id: number } & (
  | { readonly view: TrainingView; readonly error?: never }
  | { readonly view?: never; readonly error: ErrorMessage }
)
