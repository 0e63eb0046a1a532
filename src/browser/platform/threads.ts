/** What stands for `node:worker_threads` in the browser's bundle, where the whole model runs in one worker. */
export const Worker = undefined
