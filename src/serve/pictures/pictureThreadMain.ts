import { workerData } from 'node:worker_threads'
import sharp from 'sharp'
import { answerCalls } from '../../runtime/threads/answerCalls.js'
import { type PictureLimits, preparePicture } from './preparedPicture.js'

const limits = workerData as PictureLimits

// Every picture comes once: what libvips keeps of it is never used again.
sharp.cache(false)

answerCalls<Uint8Array>({
  answer: (bytes, { signal }) => preparePicture(bytes, limits, signal),
  end: async () => {},
})
