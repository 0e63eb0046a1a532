import { join } from 'node:path'
import { expect, it } from 'vitest'
import { compiledPackage } from '../setup/compiledPackage.js'
import { apiReference, unexportedNames } from './apiReference.js'

it('docs/tasks/api.md is what the doc comments say', async () => {
  const page = await apiReference(join(await compiledPackage(), 'dist'))
  expect(page).toContain('### Blip2\n')
  await expect(page).toMatchFileSnapshot('../../docs/tasks/api.md')
})

it('every type in a signature can be imported', async () => {
  expect(await unexportedNames(join(await compiledPackage(), 'dist'))).toEqual([])
})
