/** What stands for `node:crypto` in the browser's bundle; crypto.randomUUID itself is for https alone. */
export const randomUUID = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join('-')
