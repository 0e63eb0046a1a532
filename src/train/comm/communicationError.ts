import { Blip2Error } from '../../errors.js'

/** Ranks that cannot talk to each other: no MPI library, a launcher of another MPI, a collective that failed. */
export class CommunicationError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('COMMUNICATION', message, options)
  }
}
