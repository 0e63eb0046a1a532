import { Blip2Error } from '../../errors.js'

/** Whether an error is about one picture, which is counted and left out, and not about the program or the machine. */
export const isBrokenPicture = (error: unknown): error is Blip2Error =>
  error instanceof Blip2Error && (error.code === 'DATA' || error.code === 'IMAGE')
