import type { GeneratedText } from '../../tasks/textOptions.js'
import type { ServerSentEvent } from '../http/eventStream.js'
import { errorBody, httpErrorOf } from '../http/httpError.js'
import type { Reply } from './inferenceRoute.js'

/** A text as it is written: `piece` events, then the whole as a `result`. An `error` event ends a stream that failed. */
export function textEvents(pieces: AsyncGenerator<string, GeneratedText>): Reply {
  return {
    events: events(pieces),
    onError: (error) => ({ event: 'error', data: JSON.stringify(errorBody(httpErrorOf(error))) }),
  }
}

async function* events(pieces: AsyncGenerator<string, GeneratedText>): AsyncGenerator<ServerSentEvent, void> {
  try {
    for (;;) {
      const step = await pieces.next()
      if (step.done) return yield { event: 'result', data: JSON.stringify(step.value) }
      yield { event: 'piece', data: JSON.stringify({ text: step.value }) }
    }
  } finally {
    await pieces.return(undefined as never)
  }
}
