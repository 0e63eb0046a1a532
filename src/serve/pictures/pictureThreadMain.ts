import { workerData } from 'node:worker_threads'
import { answerCalls } from '../threads/answerCalls.js'
import { type PictureLimits, preparePicture } from './preparedPicture.js'

const limits = workerData as PictureLimits

answerCalls<Uint8Array>({
  answer: (bytes, { signal }) => preparePicture(bytes, limits, signal),
  end: async () => {},
})
