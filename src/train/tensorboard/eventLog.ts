import { appendFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { encodeEvent, FILE_VERSION } from './event.js'
import { tfRecord } from './tfRecord.js'

/**
 * Scalars for TensorBoard, in a file of their own for each start of a run: `tensorboard --logdir DIRECTORY`. The file is
 * made with the first step; TensorBoard then forgets what earlier files say of this step and later ones.
 */
export class EventLog {
  readonly #directory: string
  #path: string | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** @param step Steps done. */
  async append(step: number, scalars: Readonly<Record<string, number>>): Promise<void> {
    const wallTime = secondsNow()
    const events = [encodeEvent({ wallTime, step, scalars })]
    if (this.#path === undefined) {
      this.#path = join(this.#directory, `events.out.tfevents.${Math.floor(wallTime)}.${hostname()}.${process.pid}`)
      events.unshift(
        encodeEvent({ wallTime, fileVersion: FILE_VERSION }),
        encodeEvent({ wallTime, step, starts: true }),
      )
    }
    await appendFile(this.#path, Buffer.concat(events.map(tfRecord)))
  }
}

/** Seconds since 1970, which go on evenly while the process lives, however the machine's clock is set. */
const secondsNow = () => (performance.timeOrigin + performance.now()) / 1000
