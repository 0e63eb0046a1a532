import { fileURLToPath } from 'node:url'

/** Directory of the model that comes with the package. */
export const SHIPPED_MODEL = fileURLToPath(new URL('../../models/emoji', import.meta.url))
