import type { Admission } from './http/admission.js'
import type { RequestScope } from './http/requestScope.js'
import type { Dispatcher } from './inference/dispatcher.js'
import type { ModelInfo } from './inference/inferenceModel.js'
import type { ServerLimits } from './limits.js'
import type { FoundPictures } from './pictures/foundPictures.js'
import type { PictureReader } from './pictures/pictureReader.js'
import type { TrainingRuns } from './trainingRuns/trainingRuns.js'

/** What the routes work with. */
export interface Services {
  /** The model's name for clients. */
  readonly modelName: string
  readonly model: ModelInfo
  readonly limits: ServerLimits
  readonly dispatcher: Dispatcher
  readonly pictures: PictureReader
  readonly admission: Admission
  /** Of the requests under way. */
  readonly scopes: Set<RequestScope>
  /** The pictures of the index that searches found. */
  readonly found: FoundPictures
  /** Training directories to show, where there are. */
  readonly runs?: TrainingRuns
  /** Takes what went wrong on the server's side. */
  readonly log: (line: string) => void
}
