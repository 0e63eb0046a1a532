import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { hasShards, readShardFolder, statsPath, tarPath, writeStats } from '../../../src/data/webdataset/shardFolder.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-shards-'))
})
afterEach(() => rm(folder, { recursive: true }))

it('names shards and their statistics as img2dataset does', async () => {
  expect([tarPath('out', 7), tarPath('out', 123456)]).toEqual([join('out', '00007.tar'), join('out', '123456.tar')])
  await writeStats(folder, 7, { count: 3 })
  expect(JSON.parse(await readFile(statsPath(folder, 7), 'utf8'))).toEqual({ count: 3 })
  expect(await readdir(folder)).toEqual(['00007_stats.json'])
})

it('removes what a killed run left half written, and nothing else', async () => {
  const left = ['00001.tar.4711.tmp', '00001_stats.json.4711-0a1b2c3d.tmp']
  const kept = ['00000.tar', '00000_stats.json', 'notes.tmp', 'other.tar.4711.tmp']
  for (const name of [...left, ...kept]) await writeFile(join(folder, name), '')
  expect(await readShardFolder(folder)).toEqual(await readdir(folder))
  expect((await readdir(folder)).sort()).toEqual([...kept].sort())
})

it('knows shards, finished or not, from other files', () => {
  expect(hasShards(['00000.tar'])).toBe(true)
  expect(hasShards(['00000_stats.json'])).toBe(true)
  expect(hasShards(['notes.txt', '00000.tar.1.tmp', '000.tar'])).toBe(false)
})
