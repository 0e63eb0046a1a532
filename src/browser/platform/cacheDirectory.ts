/** What stands for src/weights/cacheDirectory.ts in the browser's bundle: nothing is converted there. */
export const defaultCacheDirectory = (): string => 'memory:'
