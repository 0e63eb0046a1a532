import { defineConfig } from 'vitest/config'

/** Tests that measure time or memory, or use all cores by themselves: one file at a time, in a process of its own. */
const ALONE = [
  'test/graph/recomputation.test.ts',
  'test/runtime/{functionCache,workerFunction}.test.ts',
  'test/tasks/{dispose,eventLoop}.test.ts',
  'test/train/comm/{command,launched,training}.test.ts',
]

const common = {
  execArgv: ['--import', new URL('test/setup/oneThread.mjs', import.meta.url).href],
  testTimeout: 60_000,
  hookTimeout: 120_000,
}

export default defineConfig({
  test: {
    globalSetup: ['test/setup/runFolder.ts'],
    projects: [
      {
        test: {
          ...common,
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts', ...ALONE],
          // A process for each of two cores; modules, which hold nothing but constants, are loaded once in each.
          maxWorkers: 2,
          isolate: false,
        },
      },
      {
        test: { ...common, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
