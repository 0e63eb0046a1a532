import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

/** Gives all test files of a run one folder, which goes when the run ends. */
export default async function makeRunFolder(project: TestProject): Promise<() => Promise<void>> {
  const parent = join(import.meta.dirname, '../../.build')
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'tests-'))
  project.provide('runFolder', folder)
  return () => rm(folder, { recursive: true, force: true })
}
