import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.slow.test.ts'],
    globalSetup: ['test/setup/runFolder.ts'],
    maxWorkers: 1,
    testTimeout: 600_000,
  },
})
