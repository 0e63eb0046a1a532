import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** Paths in a directory that lives as long as the test file. */
export function withTemporaryDirectory(): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'blip2-weights-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  return (name) => join(directory, name)
}
