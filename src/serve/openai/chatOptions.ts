import type { TextOptions } from '../../tasks/textOptions.js'
import type { ServerLimits } from '../limits.js'
import type { ChatRequest } from './chatRequest.js'

/** Beams of a chat where several answers are wanted: as many as the authors' code takes, or more. */
const BEAMS = 5

/**
 * OpenAI's settings as the model's. Without temperature and top_p the text is the one the model's own search finds, not
 * a drawn one; a limit above the server's is the server's.
 */
export function chatOptions(request: ChatRequest, limits: ServerLimits): Omit<TextOptions, 'signal'> {
  const { temperature, top_p: topP, seed, n, stop } = request
  const tokens = request.max_completion_tokens ?? request.max_tokens
  const draws = (temperature ?? 0) > 0 || (typeof topP === 'number' && topP < 1 && temperature !== 0)
  return {
    ...(tokens ? { maxNewTokens: Math.min(tokens, limits.newTokens) } : {}),
    ...(draws ? { doSample: true, ...(temperature ? { temperature } : {}), ...(topP ? { topP } : {}) } : {}),
    ...(draws && typeof seed === 'number' ? { seed } : {}),
    ...(n && n > 1 ? { numReturnSequences: n, ...(draws ? {} : { numBeams: Math.max(BEAMS, n) }) } : {}),
    ...(stop ? { stop: [stop].flat() } : {}),
  }
}
