/** What stands for `node:path` in the browser's bundle: paths are addresses, 'https://host/models/emoji/config.json'. */
export const join = (...parts: readonly string[]): string =>
  parts
    .map((part, i) => (i === 0 ? part : part.replace(/^\/+/, '')).replace(/\/+$/, ''))
    .filter((part) => part !== '' && part !== '.')
    .join('/')

export const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const dirname = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
