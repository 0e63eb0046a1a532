/** The name of the models' files in the browser's Cache API. */
const CACHE = 'blip2-models'

/** The cache of models' files; undefined where the page has none, which is outside of https and localhost. */
export const openModelCache = (): Promise<Cache | undefined> =>
  'caches' in globalThis ? caches.open(CACHE) : Promise.resolve(undefined)

/** Removes the files of the models that were opened by this site; the ones in use go on. */
export async function clearModelCache(): Promise<void> {
  if ('caches' in globalThis) await caches.delete(CACHE)
}
