import type { openGraphWeights as openInNode } from '../../weights/graphWeights.js'
import { heldWeights } from '../../weights/heldWeights.js'
import { loadPlanned } from '../../weights/names/load.js'

/** What stands for src/weights/graphWeights.ts in the browser's bundle: weights are read into memory. */
export const openGraphWeights: typeof openInNode = async (table, plan) => heldWeights(await loadPlanned(table, plan))
