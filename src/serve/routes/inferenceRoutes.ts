import type { Services } from '../services.js'
import { askRoute } from './ask.js'
import { attentionRoute } from './attention.js'
import { captionRoute } from './caption.js'
import { chatCompletionsRoute } from './chatCompletions.js'
import { embedRoute } from './embed.js'
import type { InferenceRoute } from './inferenceRoute.js'
import { matchRoute } from './match.js'
import { searchRoute } from './search.js'

/** The routes that have the model work. */
export const inferenceRoutes = (services: Services): readonly InferenceRoute[] =>
  [captionRoute, askRoute, matchRoute, embedRoute, searchRoute, attentionRoute, chatCompletionsRoute].map((route) =>
    route(services),
  )
